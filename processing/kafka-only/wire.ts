/** The one door to the shared format, so that every other file of this room imports its own neighbours only. */
export * from '../../wire/anomaly.js';
export * from '../../wire/control.js';
export * from '../../wire/event.js';
export * from '../../wire/order.js';
export * from '../../wire/order-window.js';
export * from '../../wire/parse-event.js';
export * from '../../wire/partition.js';
export * from '../../wire/result.js';
export * from '../../wire/topics.js';
export * from '../../wire/reset.js';
