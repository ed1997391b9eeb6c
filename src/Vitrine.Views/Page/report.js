// Plays episodes: one clock a pair, no request, nothing but this file.
(() => {
  'use strict';
  document.documentElement.classList.add('playable');
  const calm = matchMedia('(prefers-reduced-motion: reduce)');
  const stepMilliseconds = 130;

  for (const player of document.querySelectorAll('.player')) {
    const steps = Number(player.dataset.steps);
    const button = player.querySelector('button');
    const slider = player.querySelector('input[type=range]');
    const output = player.querySelector('output');
    if (!button || !slider) continue;

    const screens = [...player.querySelectorAll('.screen')].map(screen => {
      const points = (screen.querySelector('.path')?.getAttribute('points') ?? '').split(' ').filter(Boolean);
      const sheet = screen.querySelector('.sheet');
      return {
        points, sheet, paths: [...screen.querySelectorAll('.path')],
        gripper: screen.querySelector('.gripper'), ending: screen.querySelector('.ending'), dots: screen.querySelector('.steps'),
        last: Math.max(points.length, sheet ? Number(sheet.dataset.frames) : 0) - 1,
      };
    });
    const playhead = player.querySelector('.playhead');
    let timer = 0;

    const show = step => {
      for (const { points, sheet, paths, gripper, ending, dots, last } of screens) {
        const at = Math.min(step, last);
        if (sheet) {
          const { frames, columns, width, height } = sheet.dataset;
          const frame = Math.min(at, frames - 1);
          sheet.setAttribute('x', -(frame % columns) * width);
          sheet.setAttribute('y', -Math.floor(frame / columns) * height);
        }
        const reached = Math.min(at, points.length - 1);
        for (const path of paths) path.setAttribute('points', points.slice(0, reached + 1).join(' '));
        if (dots) dots.setAttribute('d', points.slice(0, reached + 1).map(point => `M${point.replace(',', ' ')}h0`).join(''));
        if (gripper) {
          const [x, y] = points[reached].split(',');
          gripper.setAttribute('cx', x);
          gripper.setAttribute('cy', y);
        }
        if (ending) ending.style.visibility = at >= last ? '' : 'hidden';
      }
      if (playhead) {
        const x = Number(playhead.dataset.from) + step * Number(playhead.dataset.pitch);
        playhead.setAttribute('x1', x);
        playhead.setAttribute('x2', x);
      }
      slider.value = step;
      output.textContent = `step ${step} of ${steps - 1}`;
    };

    const pause = () => {
      clearInterval(timer);
      timer = 0;
      button.textContent = Number(slider.value) >= steps - 1 ? 'Play again' : 'Play';
    };
    const play = () => {
      if (timer) return;
      if (Number(slider.value) >= steps - 1) show(0);
      button.textContent = 'Pause';
      timer = setInterval(() => {
        const next = Number(slider.value) + 1;
        show(next);
        if (next >= steps - 1) pause();
      }, stepMilliseconds);
    };

    button.addEventListener('click', () => timer ? pause() : play());
    slider.addEventListener('input', () => { pause(); show(Number(slider.value)); pause(); });
    addEventListener('beforeprint', () => { pause(); show(steps - 1); });
    show(steps - 1);

    // Plays once when it comes into view, unless the reader asked for less motion.
    if (!calm.matches && 'IntersectionObserver' in window) {
      const seen = new IntersectionObserver(entries => {
        if (entries.some(entry => entry.isIntersecting)) { seen.disconnect(); play(); }
      }, { threshold: 0.9 });
      seen.observe(player.querySelector('.reels'));
    }
    calm.addEventListener('change', () => calm.matches && pause());
  }

  // On paper nothing can be unfolded.
  addEventListener('beforeprint', () => document.querySelectorAll('details.definitions, .concept details').forEach(fold => { fold.dataset.was = fold.open ? '1' : ''; fold.open = true; }));
  addEventListener('afterprint', () => document.querySelectorAll('details[data-was]').forEach(fold => { fold.open = fold.dataset.was === '1'; }));
})();
