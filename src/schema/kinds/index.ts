import type { KindClass } from '../result-kind.js';
import { Anomaly } from './anomaly.js';
import { Order } from './order.js';
import { OrderWindow } from './order-window.js';

/** Every kind of result that the server answers for. A further one is one class and its name here. */
export const KINDS: readonly KindClass[] = [OrderWindow, Order, Anomaly];
