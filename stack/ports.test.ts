import { PORT_NAMES, portInUse, portsFrom } from './ports.js';

describe('ports', () => {
  test('without settings the server listens on 4000 and every port differs', () => {
    const ports = portsFrom({});
    expect(ports).toEqual({
      server: 4000,
      mongodb: 4017,
      elasticsearch: 4020,
      clickhouse: 4023,
      postgres: 4032,
      flinkRpc: 4080,
      flink: 4081,
      connect: 4083,
      kafka: 4092,
      kafkaController: 4093,
    });
  });

  test('the base moves all ports, a variable of its own moves one', () => {
    const ports = portsFrom({ TIDEMARK_PORT_BASE: '14000', TIDEMARK_POSTGRES_PORT: '5432' });
    expect(ports.server).toBe(14000);
    expect(ports.kafka).toBe(14092);
    expect(ports.postgres).toBe(5432);
  });

  test.each(['x', '0', '65536', '-1', '80.5', ' 80'])(
    '"%s" is refused as a port with the name of its variable',
    (text) => {
      expect(() => portsFrom({ TIDEMARK_KAFKA_PORT: text })).toThrow(/TIDEMARK_KAFKA_PORT/);
    },
  );

  test('a base that leaves no room for the highest port is refused', () => {
    expect(() => portsFrom({ TIDEMARK_PORT_BASE: '65500' })).toThrow(/use at most 65442/);
    expect(portsFrom({ TIDEMARK_PORT_BASE: '65442' }).kafkaController).toBe(65_535);
  });

  test('two listeners on one port are refused, both named', () => {
    expect(() => portsFrom({ TIDEMARK_KAFKA_PORT: '4000' })).toThrow(
      /TIDEMARK_PORT and TIDEMARK_KAFKA_PORT both name port 4000/,
    );
  });

  test.each(PORT_NAMES)('a used port of %s is one sentence with the port and the variable that moves it', (name) => {
    const error = portInUse(name, 4711);
    expect(error.code).toBe('STACK_PORT_IN_USE');
    expect(error.message).toMatch(
      /^port 4711, .* set TIDEMARK_\w+ \(or TIDEMARK_PORT_BASE for all ports\) to a free one\.$/,
    );
  });
});
