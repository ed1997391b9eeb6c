// Plays episodes (one clock a pair), moves sliders over heads and flow steps, says what lies under the pointer: no request, nothing but this file.
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

  // What lies under the pointer: a patch, or the neuron, head or layer that a link leads to.
  const oneLine = text => text.replace(/\s+/g, ' ').trim();
  const cut = text => text.length > 150 ? text.slice(0, 149) + '…' : text;
  const lineOf = row => [...row.cells].map(cell => {
    const name = cell.dataset.label ? cell.dataset.label + ' ' : '';
    const chips = [...cell.querySelectorAll('.chip')].map(chip => oneLine(chip.firstChild.textContent));
    return name + (chips.length > 0 ? chips.slice(0, 8).join(' ') : oneLine(cell.textContent));
  }).join(' · ');
  const linked = link => {
    const place = document.getElementById(link.hash.slice(1));
    if (!place || !/^#(neuron|head|layer)-/.test(link.hash)) return '';
    return cut(place.matches('tr') ? lineOf(place) : oneLine((place.querySelector('figcaption') ?? place).textContent));
  };
  for (const link of document.querySelectorAll('a[href^="#neuron-"], a[href^="#head-"], a[href^="#layer-"]')) {
    const over = () => {
      const text = linked(link), box = link.getBoundingClientRect();
      if (text) tip.tell(box.left, box.bottom - 8, text);
    };
    link.addEventListener('pointerenter', over);
    link.addEventListener('focus', over);
    link.addEventListener('pointerleave', tip.hide);
    link.addEventListener('blur', tip.hide);
  }
  for (const drawing of document.querySelectorAll('.attention svg')) {
    const titles = new Map([...drawing.querySelectorAll('.veil')].map(patch => [patch, patch.querySelector('title')?.textContent]));
    for (const patch of titles.keys()) patch.querySelector('title')?.remove();
    drawing.addEventListener('pointermove', event => titles.get(event.target) ? tip.tell(event.clientX, event.clientY, titles.get(event.target)) : tip.hide());
    drawing.addEventListener('pointerleave', tip.hide);
  }
  // A token that is shown in several places is the same one in all of them.
  const chips = Map.groupBy?.(document.querySelectorAll('.chip'), chip => chip.firstChild.textContent) ?? new Map();
  for (const same of chips.values()) {
    if (same.length < 2) continue;
    for (const chip of same) {
      chip.addEventListener('pointerenter', () => {
        for (const other of same) other.classList.add('same');
        const box = chip.getBoundingClientRect();
        tip.tell(box.left, box.bottom - 8, `${chip.firstChild.textContent}: in ${same.length} places of this page`);
      });
      chip.addEventListener('pointerleave', () => { for (const other of same) other.classList.remove('same'); tip.hide(); });
    }
  }

  const percent = share => (100 * share).toFixed(1) + '\u00A0%';
  for (const figure of document.querySelectorAll('.head-slider')) {
    const looks = [...figure.querySelectorAll('data')], patches = [...figure.querySelectorAll('.veil')], said = figure.querySelector('.said');
    const [layer, head] = ['layer', 'head'].map(name => figure.querySelector(`[data-choose=${name}]`));
    const { heads, columns, first, veil } = figure.dataset;
    let weights = [];
    const draw = () => {
      const look = looks[layer.value * heads + Number(head.value)];
      weights = new Float32Array(Uint8Array.from(atob(look.value), letter => letter.charCodeAt(0)).buffer);
      const most = Math.max(...weights);
      patches.forEach((patch, i) => patch.setAttribute('fill-opacity', veil * (1 - (most > 0 ? weights[i] / most : 0))));
      const name = document.createElement('strong');
      name.textContent = `head ${layer.value}:${head.value}`;
      said.replaceChildren(name, ` from ${look.dataset.from}: ${percent(Math.min(1, weights.reduce((a, b) => a + b, 0)))} on the picture; largest patch ${percent(most)}`);
    };
    for (const slider of [layer, head]) slider.addEventListener('input', draw);
    const drawing = figure.querySelector('svg');
    drawing.addEventListener('pointermove', event => {
      const patch = patches.indexOf(event.target);
      if (patch < 0) return tip.hide();
      tip.tell(event.clientX, event.clientY, `row ${Math.floor(patch / columns)}, column ${patch % columns}: ${percent(weights[patch])}; token ${Number(first) + patch} of the sequence`);
    });
    drawing.addEventListener('pointerleave', tip.hide);
    draw();
  }

  for (const figure of document.querySelectorAll('.course')) {
    const slider = figure.querySelector('input[type=range]'), output = figure.querySelector('output');
    const shapes = [...figure.querySelectorAll('.shape')], heads = figure.querySelectorAll('.playhead');
    const show = () => {
      const at = Number(slider.value), last = Number(slider.max);
      output.textContent = at === 0 ? 'noise' : at === last ? 'the chunk' : `after step ${at}`;
      shapes.forEach((shape, step) => shape.classList.toggle('now', step === at));
      const x = Number(figure.dataset.from) + at * Number(figure.dataset.pitch);
      for (const line of heads) { line.setAttribute('x1', x); line.setAttribute('x2', x); }
    };
    slider.addEventListener('input', show);
    shapes.forEach((shape, step) => shape.addEventListener('pointerenter', () => { slider.value = step; show(); }));
    show();
  }

  // On paper nothing can be unfolded.
  addEventListener('beforeprint', () => document.querySelectorAll('details.definitions, .concept details').forEach(fold => { fold.dataset.was = fold.open ? '1' : ''; fold.open = true; }));
  addEventListener('afterprint', () => document.querySelectorAll('details[data-was]').forEach(fold => { fold.open = fold.dataset.was === '1'; }));
})();
