// Reads numbers off maps and shows attention from any patch: no request, nothing but this file.
(() => {
  'use strict';
  document.documentElement.classList.add('lively');

  const print = (value, form, decimals) => {
    if (!Number.isFinite(value)) return '–';
    const digits = (form === 'share' ? 100 * value : Math.abs(value)).toFixed(decimals);
    if (form === 'share') return digits + '\u00A0%';
    const isZero = !/[1-9]/.test(digits);
    return (isZero ? '' : value < 0 ? '−' : form === 'signed' ? '+' : '') + digits;
  };
  const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  const where = (patch, columns, first) => `row ${Math.floor(patch / columns)}, column ${patch % columns}, token ${first + patch}`;

  const patchAt = (event, drawing, rows, columns) => {
    const box = drawing.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left) / box.width * columns);
    const row = Math.floor((event.clientY - box.top) / box.height * rows);
    return row >= 0 && row < rows && column >= 0 && column < columns ? row * columns + column : -1;
  };

  // Every map says row, column, weight and token of the patch under the pointer.
  for (const drawing of document.querySelectorAll('.picture[data-values]')) {
    const { rows, columns, first, number, full } = drawing.dataset;
    const [form, decimals] = number.split(' ');
    let values;
    const point = event => {
      values ??= new DataView(bytes(drawing.dataset.values).buffer);
      const patch = patchAt(event, drawing, +rows, +columns);
      if (patch < 0) return tip.hide();
      const part = values.getInt16(2 * patch, true);
      tip.tell(event.clientX, event.clientY, `${where(patch, +columns, +first)}: ${print(part === -32768 ? undefined : part / 32767 * full, form, +decimals)}`);
    };
    drawing.addEventListener('pointermove', point);
    drawing.addEventListener('pointerdown', point);
    drawing.addEventListener('pointerleave', tip.hide);
  }

  const explorer = document.querySelector('.explorer');
  if (!explorer || !('DecompressionStream' in window)) return;
  const rows = +explorer.dataset.rows, columns = +explorer.dataset.columns, first = +explorer.dataset.first, tokens = +explorer.dataset.tokens;
  const veil = +explorer.dataset.veil, patches = rows * columns;
  for (const hidden of explorer.querySelectorAll('.explorer-query, .choices')) hidden.hidden = false;
  for (const name of explorer.querySelectorAll('.pane-name')) name.hidden = true;

  const packed = [...explorer.querySelectorAll('.weights')];
  const unpacked = new Map();
  const layerOf = async place => {
    if (!unpacked.has(place)) {
      const stream = new Blob([bytes(packed[place].textContent)]).stream().pipeThrough(new DecompressionStream('deflate'));
      unpacked.set(place, {
        levels: new Uint8Array(await new Response(stream).arrayBuffer()),
        largest: new Float32Array(bytes(packed[place].dataset.largest).buffer),
      });
    }
    return unpacked.get(place);
  };
  const weightsFrom = ({ levels, largest }, head, query) => {
    const row = head * tokens + query, weights = new Float64Array(patches);
    for (let patch = 0; patch < patches; patch++) weights[patch] = (levels[row * tokens + first + patch] / 255) ** 2 * largest[row];
    return weights;
  };
  const mapOf = async (layer, head, query) => {
    const weights = await layerOf(layer);
    if (query !== 'mean') return weightsFrom(weights, head, +query);
    const mean = new Float64Array(patches);
    for (let patch = 0; patch < patches; patch++) weightsFrom(weights, head, first + patch).forEach((weight, i) => { mean[i] += weight / patches; });
    return mean;
  };

  const chooser = explorer.querySelector('[data-choose=query]');
  const panes = [...explorer.querySelectorAll('.pane')].map(pane => ({
    pane, drawing: pane.querySelector('svg'), cells: [...pane.querySelectorAll('.cell')], mark: pane.querySelector('.query-mark'),
    layer: pane.querySelector('[data-choose=layer]'), head: pane.querySelector('[data-choose=head]'), weights: null,
  }));
  const [a, b, difference] = panes;
  let latest = 0;

  const draw = async () => {
    const turn = ++latest, query = chooser.value;
    const [one, other] = await Promise.all([a, b].map(pane => mapOf(+pane.layer.value, +pane.head.value, query)));
    if (turn !== latest) return;
    [a.weights, b.weights, difference.weights] = [one, other, one.map((weight, i) => weight - other[i])];
    const most = Math.max(...one, ...other), apart = Math.max(...difference.weights.map(Math.abs));
    for (const pane of panes) {
      pane.cells.forEach((cell, i) => {
        const weight = pane.weights[i];
        if (pane === difference) {
          cell.setAttribute('class', weight < 0 ? 'cell less' : 'cell more');
          cell.setAttribute('fill-opacity', apart > 0 ? .85 * Math.abs(weight) / apart : 0);
        } else {
          cell.setAttribute('fill-opacity', most > 0 ? veil * (1 - weight / most) : veil);
        }
      });
      const patch = query === 'mean' ? -1 : query - first;
      pane.mark.setAttribute('visibility', patch < 0 ? 'hidden' : 'visible');
      if (patch >= 0) {
        pane.mark.setAttribute('x', pane.cells[patch].getAttribute('x'));
        pane.mark.setAttribute('y', pane.cells[patch].getAttribute('y'));
      }
    }
    explorer.querySelector('.scale-most').textContent = print(most, 'share', 1);
    explorer.querySelector('.scale-difference').textContent = '± ' + print(apart, 'share', 1);
    for (const [name, pane] of [['a', a], ['b', b]]) {
      const line = explorer.querySelector(`[data-strongest=${name}]`);
      const [layer, head] = [pane.layer, pane.head].map(choice => choice.selectedOptions[0].text), place = `head-${layer}-${head}`;
      const which = line.querySelector('.which'), named = document.getElementById(place) ? document.createElement('a') : document.createElement('span');
      if (named.tagName === 'A') named.href = '#' + place;
      named.textContent = `${layer}:${head}`;
      which.replaceChildren(named);
      line.cells[1].textContent = print(pane.weights.reduce((sum, weight) => sum + weight, 0), 'share', 0);
      line.cells[2].textContent = [...pane.weights.keys()].sort((i, j) => pane.weights[j] - pane.weights[i]).slice(0, 5)
        .map(i => `${Math.floor(i / columns)}, ${i % columns}: ${print(pane.weights[i], 'share', 1)}`).join('; ');
    }
  };

  for (const pane of panes) {
    pane.drawing.addEventListener('pointermove', event => {
      const patch = patchAt(event, pane.drawing, rows, columns);
      if (patch < 0 || !pane.weights) return tip.hide();
      const weight = pane.weights[patch];
      tip.tell(event.clientX, event.clientY, `${where(patch, columns, first)}: ${pane === difference && weight > 0 ? '+' : ''}${print(weight, 'share', 2).replace('-', '−')}`);
    });
    pane.drawing.addEventListener('pointerleave', tip.hide);
    if (pane !== difference) {
      pane.drawing.addEventListener('click', event => {
        const patch = patchAt(event, pane.drawing, rows, columns);
        if (patch < 0) return;
        chooser.value = first + patch;
        draw();
      });
    }
  }
  explorer.addEventListener('change', draw);

  // A click on one of the small maps puts its head into A.
  for (const cell of document.querySelectorAll('#attention-maps .map-cell[data-head]')) {
    const layer = [...a.layer.options].findIndex(option => option.text === cell.dataset.layer);
    const head = [...a.head.options].findIndex(option => option.text === cell.dataset.head);
    if (layer < 0 || head < 0) continue;
    cell.classList.add('to-explorer');
    cell.querySelector('svg').addEventListener('click', () => {
      [a.layer.value, a.head.value] = [layer, head];
      draw();
      explorer.scrollIntoView({ block: 'nearest' });
    });
  }
  draw();
})();
