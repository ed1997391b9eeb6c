// Holds HTML pages against axe-core: in a browser, light and dark, wide and narrow, where Chromium is found; without one in jsdom, which knows no layout and
// no colours. In a browser it also asks what only a browser knows: that nothing is cut, that no text is too small, and that clicks do what the page says.
//
//   node check.mjs PAGE.html ...        CHROMIUM=/path/to/chromium chooses the browser
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const smallestText = 13;
const pages = process.argv.slice(2).map(page => resolve(page));
const nameOf = page => relative(dirname(dirname(page)), page);
let succeeded = 0, failed = 0;

const chromium = process.env.CHROMIUM ?? ['chromium', 'chromium-browser', 'google-chrome'].map(name => {
  try { return execFileSync('which', [name], { encoding: 'utf8' }).trim(); } catch { return ''; }
}).find(Boolean);

function judge(what, complaints) {
  if (complaints.length === 0) succeeded++; else failed++;
  console.log(`${complaints.length === 0 ? 'passed' : 'FAILED'} ${what}`);
  for (const complaint of complaints.slice(0, 20)) console.log(`  ${complaint}`);
}

const violationsOf = result => result.violations.flatMap(violation => violation.nodes.map(node => `${violation.id}: ${node.target.join(' ')}: ${node.html.slice(0, 160)}`));

// What is laid out beyond its drawing or the window, and text that is drawn too small; runs in the page.
function layoutComplaints(smallest) {
  const complaints = [];
  const isShown = element => element.checkVisibility({ visibilityProperty: true }) && getComputedStyle(element).clipPath === 'none';
  if (document.documentElement.scrollWidth > innerWidth) complaints.push(`the page is ${document.documentElement.scrollWidth} px wide, the window ${innerWidth}`);
  for (const text of document.querySelectorAll('svg text')) {
    if (!isShown(text)) continue;
    const drawing = text.ownerSVGElement, box = text.getBoundingClientRect(), frame = drawing.getBoundingClientRect();
    if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 2 || box.bottom > frame.bottom + 2) complaints.push(`cut: "${text.textContent}" of ${drawing.getAttribute('class')}`);
    const size = parseFloat(getComputedStyle(text).fontSize) * Math.abs(text.getScreenCTM().a);
    if (size < smallest - .05) complaints.push(`${size.toFixed(1)} px: "${text.textContent}" of ${drawing.getAttribute('class')}`);
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const reported = new Set();
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || element.closest('svg, script, style, .unseen, .skip, option') || !isShown(element)) continue;
    const size = parseFloat(getComputedStyle(element).fontSize);
    if (size < smallest - .05 && !reported.has(element.className)) {
      reported.add(element.className);
      complaints.push(`${size} px: "${walker.currentNode.textContent.trim().slice(0, 60)}" in ${element.tagName}.${element.className}`);
    }
  }
  for (const box of document.querySelectorAll('.scroll, .card')) {
    if (isShown(box) && !box.closest('details') && box.scrollWidth > box.clientWidth + 1) complaints.push(`cut: ${box.scrollWidth - box.clientWidth} px of ${box.getAttribute('aria-label') ?? 'a card'}`);
  }
  return complaints;
}

async function explore(page) {
  const complaints = [];
  const expect = (holds, what) => { if (!holds) complaints.push(what); };
  const first = () => page.locator('.explorer [data-strongest=a] td').last().innerText();
  const patch = async (column, row) => {
    const { rows, columns } = await page.locator('.explorer').evaluate(figure => ({ ...figure.dataset }));
    const box = await page.locator('.explorer [data-pane=a] svg').boundingBox();
    return { x: (column + .5) / columns * box.width, y: (row + .5) / rows * box.height };
  };
  await page.locator('.explorer [data-pane=a] svg').scrollIntoViewIfNeeded();
  const before = await first();
  await page.locator('.explorer [data-pane=a] svg').click({ position: await patch(2, 3) });
  await page.waitForTimeout(200);
  const chosen = await page.locator('[data-choose=query]').evaluate(select => select.selectedOptions[0].text);
  expect(chosen.startsWith('patch 3,2 '), `a click on row 3, column 2 chose ${chosen}`);
  expect(await first() !== before, 'another query did not change the map');
  await page.locator('.explorer [data-pane=a] svg').hover({ position: await patch(1, 2) });
  const tip = await page.locator('.tip').innerText();
  expect(/^row 2, column 1, token \d+: [\d.]+\s%$/.test(tip), `hovering says "${tip}"`);
  const heads = page.locator('.explorer [data-pane=a] [data-choose=head]');
  const was = await first();
  await heads.selectOption({ index: await heads.locator('option').count() - 1 });
  await page.waitForTimeout(200);
  expect(await first() !== was, 'another head did not change the map');
  const equal = await page.evaluate(() => {
    const [a, b] = ['a', 'b'].map(name => document.querySelector(`.explorer [data-pane=${name}]`));
    for (const choice of ['layer', 'head']) b.querySelector(`[data-choose=${choice}]`).value = a.querySelector(`[data-choose=${choice}]`).value;
    b.querySelector('[data-choose=head]').dispatchEvent(new Event('change', { bubbles: true }));
    return new Promise(done => setTimeout(() => done([...document.querySelectorAll('.explorer [data-pane=difference] .cell')].every(cell => Number(cell.getAttribute('fill-opacity')) === 0)), 200));
  });
  expect(equal, 'a head differs from itself');
  const map = page.locator('#attention-maps .map-cell').first();
  await map.locator('svg').click();
  await page.waitForTimeout(300);
  const [layer, head] = await page.evaluate(() => ['layer', 'head'].map(choice => document.querySelector(`.explorer [data-pane=a] [data-choose=${choice}]`).selectedOptions[0].text));
  expect(`${layer}:${head}` === await map.evaluate(cell => `${cell.dataset.layer}:${cell.dataset.head}`), `a click on the first small map chose ${layer}:${head}`);
  return complaints;
}

async function play(page) {
  const complaints = [];
  const player = page.locator('.player').first();
  const end = Number(await player.locator('input').getAttribute('max'));
  await player.locator('input').fill(String(end));
  const said = await player.locator('output').innerText();
  if (said !== `step ${end} of ${end}`) complaints.push(`at the end the player says "${said}"`);
  const hidden = await player.locator('.ending').evaluateAll(marks => marks.filter(mark => mark.style.visibility === 'hidden').length);
  if (hidden > 0) complaints.push(`${hidden} outcomes are not marked at the end`);
  return complaints;
}

// Every head by its sliders, every flow step, and what the pointer is told.
async function slide(page) {
  const complaints = [];
  const expect = (holds, what) => { if (!holds) complaints.push(what); };
  const figure = page.locator('.head-slider'), said = () => figure.locator('.said').innerText();
  const opacities = () => figure.locator('.veil').evaluateAll(patches => patches.map(patch => Number(patch.getAttribute('fill-opacity'))));
  await figure.locator('[data-choose=layer]').fill('0');
  await figure.locator('[data-choose=head]').fill('1');
  expect((await said()).startsWith('head 0:1 from '), `at layer 0, head 1 it says "${await said()}"`);
  const one = await opacities();
  await figure.locator('[data-choose=layer]').press('ArrowRight');
  expect((await said()).startsWith('head 1:1 from '), `a key leads to "${await said()}"`);
  expect((await opacities()).some((opacity, i) => opacity !== one[i]), 'another layer did not change the map');
  expect(Math.min(...await opacities()) === 0, 'no patch is unveiled');
  await figure.locator('svg').hover({ position: { x: 5, y: 5 } });
  const tip = await page.locator('.tip').innerText();
  expect(/^row 0, column 0: [\d.]+\s%; token \d+ of the sequence$/.test(tip), `hovering says "${tip}"`);
  await page.mouse.move(0, 0);
  for (const link of await page.locator('a[href^="#neuron-"]').all().then(links => links.slice(0, 1))) {
    await link.focus();
    const told = await page.locator('.tip').innerText();
    expect(await page.locator('.tip').isVisible() && told.includes('writes'), `the link to a neuron says "${told}"`);
  }
  for (const course of await page.locator('.course').all()) {
    await course.locator('input').fill('3');
    const steps = await course.locator('.shape').evaluateAll(shapes => shapes.map(shape => shape.classList.contains('now')));
    expect(steps.every((now, step) => now === (step === 3)), `at flow step 3 these are marked: ${steps}`);
    expect(await course.locator('output').innerText() === 'after step 3', `at flow step 3 it says "${await course.locator('output').innerText()}"`);
  }
  return complaints;
}

async function inBrowser() {
  const { chromium: engine } = await import('playwright-core');
  const browser = await engine.launch({ executablePath: chromium, args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'] });
  for (const file of pages) {
    for (const colorScheme of ['light', 'dark']) {
      for (const width of [1280, 390]) {
        const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, reducedMotion: 'reduce', bypassCSP: true });
        const page = await context.newPage();
        const errors = [];
        page.on('pageerror', error => errors.push(`script: ${error.message}`));
        await page.goto(pathToFileURL(file).href);
        await page.waitForTimeout(300);
        const where = `${nameOf(file)}, ${width} px, ${colorScheme}`;
        await page.evaluate(axe);
        judge(`${where}: axe-core`, violationsOf(await page.evaluate(() => window.axe.run())));
        judge(`${where}: layout`, [...await page.evaluate(layoutComplaints, smallestText), ...errors]);
        await context.close();
      }
    }

    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce' });
    const page = await context.newPage();
    await page.goto(pathToFileURL(file).href);
    await page.waitForTimeout(300);
    if (await page.locator('.explorer').count()) judge(`${nameOf(file)}: explorer`, await explore(page));
    if (await page.locator('.head-slider').count()) judge(`${nameOf(file)}: sliders`, await slide(page));
    if (await page.locator('.player').count()) judge(`${nameOf(file)}: player`, await play(page));
    await context.close();
  }

  await browser.close();
}

async function withoutBrowser() {
  const { JSDOM } = await import('jsdom');
  for (const file of pages) {
    const { window } = new JSDOM(readFileSync(file, 'utf8'), { runScripts: 'outside-only', pretendToBeVisual: true });
    window.eval(axe);
    // Contrast needs layout; ContrastTests.cs computes it from the style sheet.
    judge(`${nameOf(file)}: axe-core`, violationsOf(await window.axe.run({ rules: { 'color-contrast': { enabled: false } } })));
    window.close();
  }
}

console.log(chromium ? `pages in ${chromium}` : 'pages in jsdom: no Chromium was found');
await (chromium ? inBrowser() : withoutBrowser());
// As dotnet test counts, so that one script reads both.
console.log(`  succeeded: ${succeeded}\n  failed: ${failed}`);
process.exitCode = failed === 0 && succeeded > 0 ? 0 : 1;
