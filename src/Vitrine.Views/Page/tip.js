// Says beside the pointer what lies under it; stands in front of the scripts that call it.
const tip = (() => {
  'use strict';
  const box = document.createElement('div');
  box.className = 'tip';
  box.setAttribute('aria-hidden', 'true');
  document.body.append(box);
  return {
    hide: () => { box.style.display = 'none'; },
    tell: (x, y, text) => {
      box.textContent = text;
      box.style.display = 'block';
      box.style.left = Math.max(4, Math.min(x + 14, innerWidth - box.offsetWidth - 6)) + 'px';
      box.style.top = (y + 18 + box.offsetHeight > innerHeight ? y - box.offsetHeight - 10 : y + 18) + 'px';
    },
  };
})();
