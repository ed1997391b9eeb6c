// Walks through every page of the studio in a browser: axe-core in light and dark, nothing cut at 390 px, no request that leaves the machine, the keyboard,
// addresses that bring a state back, windows that leave each other alone, a slider that moves the robot as 'vitrine act' does, and a served policy that is
// watched and changed while 'vitrine drive' lets it act.
//
//   node walk.mjs VITRINE MODELS_FOLDER        CHROMIUM=/path/to/chromium chooses the browser; PICTURES=folder keeps a picture of every page
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const [vitrine, models] = process.argv.slice(2).map(name => resolve(name));
const require = createRequire(resolve(import.meta.dirname, '../pages/package.json'));
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const { chromium: engine } = require('playwright-core');
const browserPath = process.env.CHROMIUM ?? ['chromium', 'chromium-browser', 'google-chrome'].map(name => {
  try { return execFileSync('which', [name], { encoding: 'utf8' }).trim(); } catch { return ''; }
}).find(Boolean);
const pictures = process.env.PICTURES;
const text = join(models, 'llama'), image = join(models, 'vit-classifier'), classifier = join(models, 'llama-classifier');
const flags = ['--no-sandbox', '--disable-gpu', '--disable-background-networking'];
let succeeded = 0, failed = 0;

function judge(what, complaints) {
  if (complaints.length === 0) succeeded++; else failed++;
  console.log(`${complaints.length === 0 ? 'passed' : 'FAILED'} ${what}`);
  for (const complaint of complaints.slice(0, 20)) console.log(`  ${complaint}`);
}

function finish() {
  console.log(`total: ${succeeded + failed}\n  failed: ${failed}\n  succeeded: ${succeeded}\n  skipped: 0`);
  process.exitCode = failed === 0 ? 0 : 1;
}

if (!browserPath) {
  console.log('studio: skipped, there is no Chromium');
  console.log('total: 1\n  failed: 0\n  succeeded: 0\n  skipped: 1');
  process.exit(0);
}

const steps = ['tokens', 'embedding', 'neuron', 'layer', 'attention', 'head', 'blocks', 'answer', 'patches', 'action'];
const named = (path, model, more = {}) => `${path}?${new URLSearchParams({ model, ...more })}`;
const pages = [
  ['home', '/'],
  ['robot', named('/robot', 'embedded:tabletop', { step: 6 })],
  ['robot of the flow policy', named('/robot', 'embedded:tabletop-flow', { step: 4 })],
  ...steps.map(step => [`tour ${step}`, named(`/tour/${step}`, 'embedded:tabletop')]),
  ['tour neuron of a tower', named('/tour/neuron', 'embedded:tabletop', { stack: 'siglip', layer: 1 })],
  ...steps.map(step => [`tour ${step} of the flow policy`, named(`/tour/${step}`, 'embedded:tabletop-flow')]),
  ['tour attention of the expert', named('/tour/attention', 'embedded:tabletop-flow', { stack: 'expert', flow: 3 })],
  ['tour neuron of the expert', named('/tour/neuron', 'embedded:tabletop-flow', { stack: 'expert' })],
  ...steps.slice(0, 8).map(step => [`tour ${step} of a text model`, named(`/tour/${step}`, text)]),
  ...steps.slice(0, 9).map(step => [`tour ${step} of an encoder`, named(`/tour/${step}`, image)]),
  ['tour answer of a classifier', named('/tour/answer', classifier)],
  ['tour, formula', named('/tour/attention', text, { depth: 'formula' })],
  ['tour, code', named('/tour/neuron', text, { depth: 'code' })],
  ['map', named('/model', 'embedded:tabletop', { layer: 5 })],
  ['map with a search and a profile', named('/model', 'embedded:tabletop', { word: 'quickly', profile: 1 })],
  ['map by direction', named('/model', 'embedded:tabletop', { towards: 'more' })],
  ['map by example, beside another', named('/model', text, { example: 1, other: join(models, 'llama') })],
  ['map of an encoder', named('/model', image, { layer: 0 })],
  ['looking', named('/looking', 'embedded:tabletop', { lens: 1, occlude: 1 })],
  ['looking of an encoder', named('/looking', image)],
  ['looking of a text model', named('/looking', text, { lens: 1 })],
  ['causing', named('/causing', 'embedded:tabletop')],
  ['causing heads', named('/causing', text, { kind: 'heads', heads: '1:0' })],
  ['causing a patch', named('/causing', text, { kind: 'patch' })],
  ['causing in an encoder', named('/causing', image, { kind: 'ablate', neurons: '0:0,0:1' })],
  ['work', '/work'],
  ['glossary', '/glossary'],
];

const violationsOf = result => result.violations.flatMap(violation => violation.nodes.map(node => `${violation.id}: ${node.target.join(' ')}: ${node.html.slice(0, 160)}`));
const work = mkdtempSync(join(tmpdir(), 'vitrine-walk-'));
const studios = [];

// Starts a studio and gives its entrance back.
function start(...more) {
  const studio = spawn(vitrine, ['studio', 'embedded:tabletop', 'embedded:tabletop-flow', text, image, classifier, '--no-open', '--work', join(work, 'kept'), ...more]);
  studios.push(studio);
  return new Promise((done, broken) => {
    let said = '';
    studio.stdout.on('data', data => {
      said += data;
      const found = /^http:\S+/m.exec(said);
      if (found) done({ entrance: new URL(found[0]), studio });
    });
    studio.on('exit', code => broken(new Error(`the studio ended with ${code}: ${said}`)));
    studio.stderr.on('data', data => { said += data; });
  });
}

async function shown(page, address) {
  await page.goto(address.href);
  await settled(page);
}

async function settled(page) {
  await page.locator('h1').waitFor();
  await page.waitForFunction(() => ![...document.querySelectorAll('[role=status]')].some(told => told.textContent.startsWith('Opening'))
    && !document.querySelector('[aria-busy=true]'), null, { timeout: 120_000 });
}

// A browser window that keeps an account of what it asks for.
async function open(browser, entrance, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce', bypassCSP: true, ...options });
  const page = await context.newPage();
  const asked = [], errors = [];
  page.on('request', request => { if (!/^(data|blob):/.test(request.url()) && new URL(request.url()).host !== entrance.host) asked.push(request.url()); });
  page.on('websocket', socket => { if (new URL(socket.url()).host !== entrance.host) asked.push(socket.url()); });
  page.on('pageerror', error => errors.push(`script: ${error.message}`));
  await page.goto(entrance.href);
  return { context, page, asked, errors };
}

// Budgets in milliseconds: the best of some tries, since other work of the machine only adds. BUDGETS=0 prints without judging.
function within(what, tries, most) {
  const best = Math.min(...tries);
  console.log(`  ${what}: ${tries.join(', ')} ms, of ${most}`);
  judge(`${what}: within ${most} ms`, best <= most || process.env.BUDGETS === '0' ? [] : [`the best is ${best} ms`]);
}

// From an address to a page that is shown whole.
async function quick(browser, entrance) {
  const tries = [];
  for (let i = 0; i < 3; i++) {
    const { context, page } = await open(browser, entrance);
    await page.goto('about:blank');
    const clock = Date.now();
    await shown(page, new URL('/', entrance));
    tries.push(Date.now() - clock);
    await context.close();
  }
  within('the first page', tries, 1500);
}

async function walk(browser, entrance) {
  const away = [];
  const views = [['light', 1280], ['dark', 390], ...process.env.EVERY ? [['dark', 1280], ['light', 390]] : []];
  for (const [colorScheme, width] of views) {
    const { context, page, asked, errors } = await open(browser, entrance, { colorScheme, viewport: { width, height: 900 } });
    for (const [name, path] of pages) {
      const complaints = [];
      try {
        await shown(page, new URL(path, entrance));
        complaints.push(...(await page.locator('.alert').allInnerTexts()).map(told => `it says: ${told}`));
        await page.evaluate(axe);
        complaints.push(...violationsOf(await page.evaluate(() => window.axe.run())));
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        if (wide > width) complaints.push(`the page is ${wide} px wide, the window ${width}`);
        if (pictures) await page.screenshot({ path: join(pictures, `${name.replaceAll(/[ ,]+/g, '-')}-${width}-${colorScheme}.png`), fullPage: true });
      } catch (error) {
        complaints.push(error.message);
      }
      judge(`${name}, ${width} px, ${colorScheme}`, [...complaints, ...errors.splice(0)]);
    }
    away.push(...asked);
    await context.close();
  }
  judge('no request leaves the machine', away);
}

// The numbers of the next action in a lane.
const actionOf = (page, lane) => page.locator(`tr[data-lane=${lane}] [data-action]`).allInnerTexts().then(cells => cells.map(Number));

async function steer(browser, entrance) {
  const { context, page } = await open(browser, entrance);
  const complaints = [];
  await shown(page, new URL(named('/robot', 'embedded:tabletop', { neurons: '5:111,5:130', dose: 4 }), entrance));
  const before = await actionOf(page, 'with');
  const slider = page.getByLabel(/^Dose/);
  await slider.focus();
  const answers = [];
  let last = before;
  for (const key of ['End', 'Home', 'End', 'Home', 'End']) {
    const clock = Date.now();
    await page.keyboard.press(key);
    await page.waitForFunction(was => [...document.querySelectorAll('tr[data-lane=with] [data-action]')].map(cell => Number(cell.innerText)).join() !== was, last.join(), { timeout: 20_000, polling: 5 })
      .catch(() => complaints.push('the slider did not change the action'));
    answers.push(Date.now() - clock);
    last = await actionOf(page, 'with');
    await settled(page);
  }
  within('a slider\'s answer', answers, 150);
  const after = await actionOf(page, 'with');
  if (!page.url().includes('dose=8')) complaints.push(`the address is ${page.url()}`);

  // The same plan on the same picture in the command.
  await page.getByText('Keep and export').click();
  const save = async (name, file) => {
    const href = await page.locator(`a[download="${name}"]`).first().getAttribute('href');
    const [head, body] = href.split(/,(.*)/s);
    writeFileSync(join(work, file), head.endsWith('base64') ? Buffer.from(body, 'base64') : decodeURIComponent(body));
  };
  await save('frame.png', 'frame.png');
  await save('plan.json', 'plan.json');
  const instruction = await page.getByLabel('Instruction').inputValue();
  const said = JSON.parse(execFileSync(vitrine, ['act', 'embedded:tabletop', join(work, 'frame.png'), instruction, '--edit', join(work, 'plan.json'), '--json'], { encoding: 'utf8' }));
  const values = (said.chunk ?? said.Chunk)[0];
  if (after.some((value, d) => Math.abs(value - values[d]) > 6e-5)) complaints.push(`the page says ${after}, act says ${values}`);
  judge('a slider moves the robot as the same plan does in act', complaints);

  // The address brings the state back, in another window.
  const again = await open(browser, entrance);
  await shown(again.page, new URL(page.url()));
  judge('an address brings its state back', after.join() === (await actionOf(again.page, 'with')).join() ? [] : ['the action is another one']);

  // Windows leave each other alone.
  const slow = again.page.getByLabel(/^Dose/);
  await slow.focus();
  await again.page.keyboard.press('Home');
  await again.page.waitForURL(/dose=-8/);
  await again.page.getByRole('button', { name: 'Step', exact: true }).click();
  await again.page.waitForURL(/step=1/);
  judge('two windows do not disturb each other', after.join() === (await actionOf(page, 'with')).join() && page.url().includes('dose=8') ? [] : ['the first window changed']);
  await again.context.close();

  // Play, pause and rewind.
  const transport = [], beats = [];
  do {
    if (beats.length > 0) {
      await page.getByRole('button', { name: 'Rewind' }).click();
      await page.waitForFunction(() => document.querySelector('.transport output').textContent.startsWith('0 ')).catch(() => transport.push('it does not rewind'));
    }

    await page.getByRole('button', { name: 'Play' }).click();
    const began = Date.now();
    await page.waitForFunction(() => document.querySelector('.transport output').textContent.startsWith('12 '), null, { timeout: 60_000 }).catch(() => transport.push('it does not play'));
    beats.push(Math.round((Date.now() - began) / 12));
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.waitForURL(/step=\d+/);
  } while (beats.at(-1) > 100 && beats.length < 4);
  within('a step while an episode plays', beats, 100);
  const paused = await page.locator('.transport output').innerText();
  await page.waitForTimeout(400);
  if (await page.locator('.transport output').innerText() !== paused) transport.push('it goes on behind a pause');
  await page.getByRole('button', { name: 'Rewind' }).click();
  await page.waitForFunction(() => document.querySelector('.transport output').textContent.startsWith('0 ')).catch(() => transport.push('it does not rewind'));
  judge('play, pause, rewind', transport);
  await context.close();
}

// A plan that a page gave away is chosen as a file, and does the same; what is no plan is refused by its name.
async function exchange(browser, entrance) {
  const { context, page } = await open(browser, entrance);
  const complaints = [];
  const edited = name => page.locator(`td[data-arm="${name}"]`).innerText();
  await shown(page, new URL(named('/causing', 'embedded:tabletop', { neurons: '5:111,5:130', dose: '+8sd', metric: 'dx' }), entrance));
  const exported = await edited('clamp');
  await page.getByText('Keep and export').click();
  const href = await page.locator('a[download="plan.json"]').getAttribute('href');
  await shown(page, new URL(named('/causing', 'embedded:tabletop', { kind: 'plan', metric: 'dx' }), entrance));
  const plan = (name, text) => page.locator('input[type=file][accept="application/json"]').setInputFiles({ name, mimeType: 'application/json', buffer: Buffer.from(text) });
  await plan('mine.json', '{"edits": 3}');
  await page.getByText(/mine\.json/).waitFor().catch(() => complaints.push('what is no plan is not refused by its name'));
  await plan('plan.json', decodeURIComponent(href.split(/,(.*)/s)[1]));
  await page.waitForURL(/plan=/);
  await settled(page);
  if (await edited('the plan') !== exported) complaints.push(`the page said ${exported}, and of its own plan ${await edited('the plan')}`);
  judge('a plan goes out and comes back', complaints);

  // Any picture of a page is saved: a drawing as what it is, pixels as PNG, and none that is not there.
  const saving = [];
  await shown(page, new URL(named('/tour/action', 'embedded:tabletop-flow'), entrance));
  await page.getByText('Keep and export').click();
  const all = await page.evaluate(() => [...document.querySelectorAll('.shown svg[viewBox], .shown img')].filter(picture => picture.checkVisibility()).map(picture => picture.tagName));
  for (const [index, tag] of all.entries()) {
    await page.locator('[data-picture]').fill(`${index + 1}`);
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'as SVG' }).click()]);
    if (file.suggestedFilename() !== (tag === 'IMG' ? 'vitrine.png' : 'vitrine.svg')) saving.push(`picture ${index + 1}, ${tag}: ${file.suggestedFilename()}`);
  }
  await page.locator('[data-picture]').fill(`${all.length + 1}`);
  await page.getByRole('button', { name: 'as PNG' }).click();
  await page.getByText(`The page has ${all.length} picture`).waitFor({ timeout: 10_000 }).catch(() => saving.push('a picture that is not there is not told'));
  if (all.length < 2) saving.push(`the page has ${all.length} pictures`);
  judge('any picture of a page is saved', saving);
  await context.close();
}

// Starts a policy server and a robot that it drives, and gives the live address back.
async function serve() {
  const server = spawn(vitrine, ['serve', 'embedded:tabletop', '--port', '0', '--watch', '5:111,5:130', '--json']);
  studios.push(server);
  const addresses = await new Promise((done, broken) => {
    let said = '';
    server.stdout.on('data', data => {
      said += data;
      try { done(JSON.parse(said).servers); } catch { /* there is more to come */ }
    });
    server.on('exit', code => broken(new Error(`the server ended with ${code}: ${said}`)));
  });
  const of = protocol => addresses.find(server => server.protocol === protocol).address;
  studios.push(spawn(vitrine, ['drive', of('openpi'), '--layouts', '1000', '--sessions', '2'], { stdio: 'ignore' }));
  return { live: of('live'), server };
}

// A served policy while its robot moves: the page in light and dark, a change by the keyboard that another window sees, its undo, an address that leads nowhere.
async function connected(browser, entrance) {
  const { live, server } = await serve();
  const away = [];
  for (const [colorScheme, width] of [['light', 1280], ['dark', 390], ...process.env.EVERY ? [['dark', 1280], ['light', 390]] : []]) {
    const { context, page, asked, errors } = await open(browser, entrance, { colorScheme, viewport: { width, height: 900 } });
    const complaints = [];
    await shown(page, new URL(`/robot/served?${new URLSearchParams({ connect: live })}`, entrance));
    await page.locator('.served .neuron-strip path[d*="L"]').first().waitFor({ state: 'attached', timeout: 60_000 }).catch(() => complaints.push('no strip is drawn'));
    await page.locator('.served img').first().waitFor().catch(() => complaints.push('there is no picture'));
    complaints.push(...(await page.locator('.alert').allInnerTexts()).map(told => `it says: ${told}`));
    await page.evaluate(axe);
    complaints.push(...violationsOf(await page.evaluate(() => window.axe.run())));
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    if (wide > width) complaints.push(`the page is ${wide} px wide, the window ${width}`);
    if (pictures) await page.screenshot({ path: join(pictures, `served-${width}-${colorScheme}.png`), fullPage: true });
    judge(`a served policy, ${width} px, ${colorScheme}`, [...complaints, ...errors]);
    away.push(...asked);
    await context.close();
  }

  const complaints = [], window = await open(browser, entrance), other = await open(browser, entrance);
  const { page } = window;
  const address = more => new URL(`/robot/served?${new URLSearchParams({ connect: live, ...more })}`, entrance);
  const held = (where, text) => where.locator('[data-held]', { hasText: text }).waitFor({ timeout: 30_000 }).catch(() => complaints.push(`it does not say: ${text}`));
  await shown(page, address({}));
  await shown(other.page, address({ neurons: '4:2' }));
  await page.getByRole('textbox', { name: 'Neurons' }).focus();
  await page.keyboard.type('5:111,5:130');
  await page.keyboard.press('Tab');
  await page.keyboard.type('6');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await held(page, 'plan 1 for all sessions, at dose 1: clamp language 5:111, 5:130 to 6');
  await held(other.page, 'plan 1 for all sessions');
  if (await other.page.getByRole('textbox', { name: 'Neurons' }).inputValue() !== '4:2') complaints.push('what was typed in the other window is gone');
  await page.waitForFunction(() => [...document.querySelectorAll('[data-now="language.5:111"]')].some(now => Number(now.innerText) === 6), null, { timeout: 30_000 })
    .catch(() => complaints.push('the watched neuron is not held'));
  await page.getByRole('slider').focus();
  await page.keyboard.press('Home');
  await held(page, 'at dose 0');
  await page.getByRole('button', { name: 'Off' }).click();
  await held(page, 'Nothing is set');
  await page.waitForFunction(() => [...document.querySelectorAll('[data-now="language.5:111"]')].every(now => Number(now.innerText) !== 6), null, { timeout: 30_000 })
    .catch(() => complaints.push('the watched neuron is still held'));
  judge('a served policy is changed while its robot moves, and changed back', complaints);

  const ended = [];
  server.removeAllListeners('exit');
  server.kill();
  await page.getByRole('alert').filter({ hasText: live }).waitFor({ timeout: 30_000 }).catch(() => ended.push('a server that has ended is not told'));
  await page.goto(new URL('/robot/served?connect=http://127.0.0.1:9', entrance).href);
  await page.getByRole('alert').filter({ hasText: 'does not answer' }).waitFor({ timeout: 30_000 }).catch(() => ended.push('a dead address is not told'));
  judge('a server that is not there is told', [...ended, ...window.errors, ...other.errors]);
  judge('no request of the page goes to the server itself', [...away, ...window.asked, ...other.asked]);
  await window.context.close();
  await other.context.close();
}

async function keyboard(browser, entrance) {
  const { context, page } = await open(browser, entrance);
  const complaints = [];
  await shown(page, new URL(named('/tour/attention', text), entrance));
  const landed = await page.evaluate(() => document.activeElement?.tagName);
  if (landed !== 'H1') complaints.push(`a new page is not read from its heading on, but from ${landed}`);
  const before = await page.evaluate(() => [...document.querySelectorAll('a[href], button, select, input')].filter(e => e.checkVisibility()).findIndex(e => e.className === 'skip'));
  if (before !== 0) complaints.push('the first stop of the page is not the way to its content');
  await page.locator('.skip').focus();
  const stops = new Set();
  for (let i = 0; i < 120; i++) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate(() => {
      const here = document.activeElement;
      if (!here || here === document.body) return null;
      const style = getComputedStyle(here);
      return { what: here.outerHTML.slice(0, 80), type: here.type ?? '', visible: style.outlineStyle !== 'none' };
    });
    if (!stop) break;
    stops.add(stop.type || stop.what.split(/[ >]/)[0]);
    if (!stop.visible) complaints.push(`no visible focus: ${stop.what}`);
  }
  for (const wanted of ['range', 'button', '<a', 'select-one', 'text']) if (![...stops].some(stop => stop.startsWith(wanted))) complaints.push(`never reached: ${wanted}, of ${[...stops]}`);
  await page.getByLabel('Head').focus();
  await page.keyboard.press('ArrowRight');
  await page.waitForURL(/head=1/);
  await settled(page);
  const sum = Number(await page.locator('[data-sum]').innerText());
  if (Math.abs(sum - 1) > 1e-4) complaints.push(`a row adds up to ${sum}`);
  judge('the keyboard reaches everything', complaints);
  await context.close();
}

async function keep(browser, first) {
  const complaints = [];
  const { context, page } = await open(browser, first.entrance);
  await shown(page, new URL(named('/tour/neuron', 'embedded:tabletop', { layer: 5, neuron: 111 }), first.entrance));
  await page.getByText('Keep and export').click();
  await page.getByRole('button', { name: 'Keep what is shown' }).click();
  await page.getByText('Kept; it stands under Work.').waitFor();
  await shown(page, new URL(named('/causing', 'embedded:tabletop', { neurons: '5:111' }), first.entrance));
  await page.getByRole('button', { name: 'Ask it as a study' }).click();
  await page.getByText(/^Asked as /).waitFor({ timeout: 120_000 });
  await context.close();
  first.studio.removeAllListeners('exit');
  first.studio.kill('SIGKILL');

  const second = await start();
  const later = await open(browser, second.entrance);
  await shown(later.page, new URL('/work', second.entrance));
  if (await later.page.getByRole('heading', { name: /One neuron: embedded:tabletop/ }).count() !== 1) complaints.push('the finding is gone');
  if (await later.page.getByRole('button', { name: 'Go on' }).count() !== 1) complaints.push('the study is gone');
  const [file] = await Promise.all([later.page.waitForEvent('download'), later.page.getByRole('button', { name: 'Save all as one HTML file' }).click()]);
  await file.saveAs(join(work, 'findings.html'));
  const saved = readFileSync(join(work, 'findings.html'), 'utf8');
  if (!saved.includes('quickly') || /<script|href="http/.test(saved)) complaints.push('the saved file lacks the finding, or asks for more than itself');
  await later.page.getByRole('link', { name: /One neuron/ }).click();
  await later.page.waitForURL(/neuron=111/);
  judge('findings and studies outlive the process', complaints);
  await later.context.close();
  second.studio.removeAllListeners('exit');
}

const browser = await engine.launch({ executablePath: browserPath, args: flags });
try {
  if (pictures) mkdirSync(pictures, { recursive: true });
  const first = await start();
  await quick(browser, first.entrance);
  const refused = await (await browser.newContext()).request.get(first.entrance.origin);
  judge('without its token nobody is let in', refused.status() === 403 ? [] : [`status ${refused.status()}`]);
  await walk(browser, first.entrance);
  await steer(browser, first.entrance);
  await exchange(browser, first.entrance);
  await connected(browser, first.entrance);
  await keyboard(browser, first.entrance);
  await keep(browser, first);
} catch (error) {
  judge('the walk', [error.stack]);
} finally {
  await browser.close();
  for (const studio of studios) { studio.removeAllListeners('exit'); studio.kill(); }
  rmSync(work, { recursive: true, force: true });
}

finish();
