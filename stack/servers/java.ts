import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Small heaps, one collector thread, the quick compiler: a start of seconds matters more here than peak speed. */
export function javaArguments(at: { heapMb: number; folder: string; lib: string }): string[] {
  return [
    `-Xmx${at.heapMb}m`,
    '-Xms64m',
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '-Xshare:auto',
    '-XX:+ExitOnOutOfMemoryError',
    '-Djava.awt.headless=true',
    '-Djava.net.preferIPv4Stack=true',
    `-Dlog4j2.configurationFile=${join(at.folder, 'log4j2.properties')}`,
    '-cp',
    join(at.lib, '*'),
  ];
}

/**
 * Everything to the console, which is the component's log file.
 * @param levels of loggers that say too much
 */
export function writeLogging(folder: string, levels: Readonly<Record<string, 'WARN' | 'ERROR'>> = {}): void {
  writeFileSync(
    join(folder, 'log4j2.properties'),
    [
      'status=error',
      'appender.console.type=Console',
      'appender.console.name=console',
      'appender.console.layout.type=PatternLayout',
      'appender.console.layout.pattern=%d{ISO8601} %-5p %m (%c{1})%n',
      'rootLogger.level=INFO',
      'rootLogger.appenderRef.console.ref=console',
      // Dozens of pages of effective settings at every start.
      'logger.config.name=org.apache.kafka.common.config.AbstractConfig',
      'logger.config.level=WARN',
      'logger.reflections.name=org.reflections',
      'logger.reflections.level=ERROR',
      ...Object.entries(levels).flatMap(([logger, level], n) => [
        `logger.own${n}.name=${logger}`,
        `logger.own${n}.level=${level}`,
      ]),
      '',
    ].join('\n'),
  );
}

/** A Java properties file; our keys and values need no escapes but the backslash. */
export function writeProperties(path: string, properties: Readonly<Record<string, string>>): void {
  const lines = Object.entries(properties).map(([key, value]) => `${key}=${value.replaceAll('\\', '\\\\')}`);
  writeFileSync(path, `${lines.join('\n')}\n`);
}
