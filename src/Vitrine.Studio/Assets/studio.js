// The few things that a browser does by itself: linked parts light up together, pictures are saved, what is shown is handed to the program.
window.vitrine = {
  // What the page shows, without its controls.
  shown() {
    return [...document.querySelectorAll('.shown')].map(part => {
      const copy = part.cloneNode(true);
      for (const gone of copy.querySelectorAll('button, input, select, form, script')) gone.remove();
      for (const link of copy.querySelectorAll('a[href]')) link.removeAttribute('href');
      return copy.innerHTML;
    }).join('\n');
  },
  // A text as a file of the browser's downloads.
  save(name, text) {
    Object.assign(document.createElement('a'), { href: 'data:text/html;charset=utf-8,' + encodeURIComponent(text), download: name }).click();
  },
};

(() => {
  // A token, a patch and a row that are the same thing carry the same mark.
  const linked = event => event.target instanceof Element ? event.target.closest('[data-link]') : null;
  const light = (mark, on) => {
    for (const part of document.querySelectorAll(`[data-link="${CSS.escape(mark)}"]`)) part.classList.toggle('linked', on);
  };
  for (const [start, end] of [['pointerover', 'pointerout'], ['focusin', 'focusout']]) {
    document.addEventListener(start, event => { const part = linked(event); if (part) light(part.dataset.link, true); });
    document.addEventListener(end, event => { const part = linked(event); if (part) light(part.dataset.link, false); });
  }

  const rules = () => [...document.styleSheets].map(sheet => [...sheet.cssRules].map(rule => rule.cssText).join('\n')).join('\n');

  function standalone(drawing) {
    const copy = drawing.cloneNode(true), box = drawing.viewBox.baseVal, style = document.createElementNS('http://www.w3.org/2000/svg', 'style');
    const seen = getComputedStyle(document.documentElement);
    const names = ['--paper', '--card', '--ink', '--soft', '--faint', '--line', '--grid', '--accent', '--accent-2', '--good', '--bad', '--ctl', '--band', '--chip', '--heat', '--sans', '--mono'];
    style.textContent = `svg{${names.map(name => `${name}:${seen.getPropertyValue(name)}`).join(';')};background:var(--card)}\n${rules().replaceAll('</', '<\\/')}`;
    copy.prepend(style);
    copy.setAttribute('width', box.width);
    copy.setAttribute('height', box.height);
    return new XMLSerializer().serializeToString(copy);
  }

  const save = (address, name) => Object.assign(document.createElement('a'), { href: address, download: name }).click();

  document.addEventListener('click', event => {
    const button = event.target instanceof Element ? event.target.closest('[data-save]') : null;
    if (!button) return;
    const all = [...document.querySelectorAll('.shown svg[viewBox], .shown img')].filter(picture => picture.checkVisibility());
    const chosen = all[Number(document.querySelector('[data-picture]').value) - 1], told = document.querySelector('[data-saved]');
    const isDrawn = chosen instanceof SVGElement;
    told.textContent = !chosen ? `The page has ${all.length} picture${all.length === 1 ? '' : 's'}.`
      : !isDrawn && button.dataset.save === 'svg' ? 'It is made of pixels, and saved as PNG.' : '';
    if (!chosen) return;
    if (!isDrawn) { save(chosen.src, 'vitrine.png'); return; }
    const address = 'data:image/svg+xml;charset=utf-8,' + encodeURIComponent(standalone(chosen));
    if (button.dataset.save === 'svg') { save(address, 'vitrine.svg'); return; }
    const image = new Image();
    image.onload = () => {
      const canvas = Object.assign(document.createElement('canvas'), { width: 2 * image.width, height: 2 * image.height });
      canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
      save(canvas.toDataURL('image/png'), 'vitrine.png');
    };
    image.src = address;
  });
})();
