/* global document, window, matchMedia, getComputedStyle, devicePixelRatio, uPlot */
// Draws the plots of a report from the figures that lie in the page.
(() => {
  const figures = JSON.parse(document.getElementById('figures').textContent);
  const HEIGHT = 260;
  /** More bands than these have no room for their names; the cursor says which it is. */
  const MOST_NAMED = 30;
  /** Between ticks of the time axis. Seconds. */
  const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const STORE_COLORS = { MONGODB: '#2f81d6', ELASTICSEARCH: '#c2571a', CLICKHOUSE: '#8a5cd1' };
  const ENGINE_COLORS = { FLINK: '#2f81d6', KAFKA_ONLY: '#c2571a' };
  const plots = [];

  /** Bands behind the lines, while a fault was on. */
  const bands = (plot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    const named = figures.faults.length <= MOST_NAMED;
    ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
    const shade = matchMedia('(prefers-color-scheme: dark)').matches ? 'rgba(255,255,255,.10)' : 'rgba(0,0,0,.08)';
    for (const { kind, from, to } of figures.faults) {
      const left = Math.max(bbox.left, plot.valToPos(from, 'x', true));
      const right = Math.min(bbox.left + bbox.width, plot.valToPos(to, 'x', true));
      if (right <= left) continue;
      ctx.fillStyle = shade;
      ctx.fillRect(left, bbox.top, Math.max(2, right - left), bbox.height);
      if (!named) continue;
      // Upwards, in the band if it is wide enough, else beside it.
      ctx.save();
      const inside = right - left > 16 * devicePixelRatio;
      const top = bbox.top + ctx.measureText(kind).width + 6 * devicePixelRatio;
      ctx.translate(left + (inside ? 12 : -4) * devicePixelRatio, top);
      ctx.rotate(-Math.PI / 2);
      ctx.fillStyle = color('faint');
      ctx.fillText(kind, 0, 0);
      ctx.restore();
    }
    ctx.restore();
  };

  const faultAt = (seconds) =>
    figures.faults
      .filter(({ from, to }) => from < seconds + figures.bucketMs / 1000 && to >= seconds)
      .map(({ kind }) => kind)
      .join(', ') || 'no fault';

  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;

  const time = (ms) => (ms < 1000 ? `${ms} ms` : `${ms / 1000} s`);

  const draw = (id, series, data, scales = {}, label = String) => {
    const at = document.getElementById(id);
    if (at === null) return;
    const axis = {
      stroke: color('faint'),
      grid: { stroke: color('line'), width: 1 },
      ticks: { stroke: color('line') },
    };
    const plot = new uPlot(
      {
        width: at.clientWidth,
        height: HEIGHT,
        scales: { x: { time: false }, ...scales },
        axes: [
          { ...axis, incrs: STEPS, values: (_, ticks) => ticks.map(clock) },
          { ...axis, size: 70, values: (_, ticks) => ticks.map((tick) => (tick === null ? '' : label(tick))) },
        ],
        series: [
          { label: 'Minute', value: (_, value) => (value === null ? '–' : `${clock(value)}, ${faultAt(value)}`) },
          ...series,
        ],
        hooks: { drawClear: [bands] },
      },
      [figures.seconds, ...data],
      at,
    );
    plots.push([plot, at]);
  };

  const shares = (levels) => {
    const total = levels.HIGH.map((high, i) => high + levels.EVENTUALLY_CONSISTENT[i] + levels.LOW[i]);
    const share = (part) => part.map((n, i) => (total[i] === 0 ? null : Math.round((1000 * n) / total[i]) / 10));
    return [share(levels.HIGH), share(levels.EVENTUALLY_CONSISTENT), share(levels.LOW)];
  };

  const percent = (_, value) => (value === null ? '–' : `${value} %`);
  for (const [engine, levels] of Object.entries(figures.confidence))
    draw(
      `confidence-${engine}`,
      [
        { label: 'HIGH', stroke: color('high'), width: 2, value: percent },
        { label: 'EVENTUALLY_CONSISTENT', stroke: color('ec'), width: 2, dash: [8, 4], value: percent },
        { label: 'LOW', stroke: color('low'), width: 2, dash: [2, 3], value: percent },
      ],
      shares(levels),
      { y: { range: [0, 100] } },
      (tick) => `${tick} %`,
    );

  const stores = Object.keys(figures.lagMs).sort();
  draw(
    'lag',
    stores.map((store) => ({
      label: store,
      stroke: STORE_COLORS[store],
      width: 2,
      value: (_, ms) => (ms === null ? '–' : time(ms)),
    })),
    // A logarithm has no zero.
    stores.map((store) => figures.lagMs[store].map((ms) => (ms === null ? null : Math.max(1, ms)))),
    { y: { distr: 3 } },
    time,
  );

  const engines = Object.keys(figures.accepted).sort();
  draw(
    'rates',
    [
      { label: 'source events', stroke: color('faint'), width: 2, dash: [6, 4] },
      ...engines.map((engine) => ({ label: `accepted, ${engine}`, stroke: ENGINE_COLORS[engine], width: 2 })),
    ],
    [figures.events, ...engines.map((engine) => figures.accepted[engine])],
  );

  window.addEventListener('resize', () => {
    for (const [plot, at] of plots) plot.setSize({ width: at.clientWidth, height: HEIGHT });
  });
})();
