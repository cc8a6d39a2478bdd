// look.mjs DIR...    judges the look of the digests in some folders, each with a next.html and a preview.html, in Chromium.
//
//   DIR               of each, as `name=path`; pictures of its site are looked for in `path`/../../../static
//   --pictures OUT    writes a PNG of each view into OUT, for eyes
//   --only WORD       of those whose names contain it
//   --all yes         every fault, where else the first five are told
//
// What is measured: whether a page is wider than its window; the contrast of each text with what lies under it, from computed
// styles (WCAG 2.2, section 1.4.3); whether text is whole and by itself, also at 200 % (section 1.4.4); with pictures blocked,
// and with style sheets removed, as mail clients do it; what axe finds; what the Nu HTML checker finds. No network: pictures of
// the site come from its folder, and everything else is refused.
import {execFile} from 'node:child_process';
import fs from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import {promisify} from 'node:util';
import {enlarge, measure} from './measure.mjs';

const require = createRequire(path.join(process.env.NODE_MODULES, 'x.js'));
const {chromium} = require('playwright-core');
const AXE = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const VNU = path.join(process.env.NODE_MODULES, 'vnu-jar', 'build', 'dist', 'vnu.jar');
const FLAGS = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update',
  '--disable-sync', '--disable-quic'];
const LEAST_CONTRAST = 4.5;
const WIDTHS = [320, 375, 600];

// What the Nu checker says of a mail and is meant so: the obsolete attribute, and the mail client that needs it. Word, which
// draws the mails of Outlook for Windows, gives a table no default of its own for these, and reads little CSS for them.
const NEEDED = [
  ['border', 'table', 'Outlook for Windows draws lines around cells without border="0"'],
  ['cellpadding', 'table', 'Outlook for Windows pads cells by its own measure without cellpadding="0"'],
  ['cellspacing', 'table', 'Outlook for Windows leaves gaps between cells without cellspacing="0"'],
  ['width', 'table', 'Outlook for Windows makes a table as wide as its words, whatever CSS says'],
  ['align', 'td', 'Outlook for Windows centres by align alone; Gmail drops margin: auto in some apps'],
];
// Properties that only Word knows.
const OF_WORD = {
  'mso-hide': 'it shows what display: none hides',
  'mso-padding-alt': 'it does not pad a link, so that the cell of a button has the padding for both',
};
const meant = NEEDED.map(([attribute, element]) => `The “${attribute}” attribute on the “${element}” element is obsolete.`);
for (const property of Object.keys(OF_WORD)) meant.push(`CSS: “${property}”: Property “${property}” doesn't exist.`);

const folders = [], options = {};
for (let i = 2; i < process.argv.length; i++) {
  const word = process.argv[i];
  if (word.startsWith('--')) options[word.slice(2)] = process.argv[++i];
  else folders.push(word.includes('=') ? word.split(/=(.*)/s).slice(0, 2) : [path.basename(word), word]);
}
let wrong = 0;
function expect(faults, text) {
  if (faults.length === 0) return console.log(`ok    ${text}`);
  wrong++;
  const told = options.all ? faults : faults.slice(0, 5);
  console.log(`WRONG ${text}: ${told.join('; ')}${faults.length > told.length ? `; and ${faults.length - told.length} more` : ''}`);
}

// ---- the judging ----------------------------------------------------------------------------------------------------------

const browser = await chromium.launch({executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS});

async function opened(scheme, images, folder) {
  const context = await browser.newContext({viewport: {width: 600, height: 900}, colorScheme: scheme, offline: false});
  await context.route('**/*', route => {
    const url = new URL(route.request().url());
    if (url.protocol === 'file:') return route.continue();
    if (url.protocol === 'data:') return images ? route.continue() : route.abort();
    const file = path.join(folder, '../../../static', decodeURIComponent(url.pathname));
    return images && fs.existsSync(file) ? route.fulfill({path: file}) : route.abort();
  });
  return context;
}

const unstyled = html => html.replace(/<style[\s\S]*?<\/style>/gi, '');

async function judgeMail(name, folder, expect) {
  const html = fs.readFileSync(path.join(folder, 'next.html'), 'utf8');
  const bare = path.join(folder, 'bare.html');
  fs.writeFileSync(bare, unstyled(html));
  for (const scheme of ['light', 'dark']) {
    for (const view of ['as it is', 'no pictures', 'no styles']) {
      const context = await opened(scheme, view !== 'no pictures', folder), page = await context.newPage();
      await page.goto('file://' + (view === 'no styles' ? bare : path.join(folder, 'next.html')));
      const faults = [];
      for (const width of WIDTHS) {
        await page.setViewportSize({width, height: 900});
        faults.push(...(await page.evaluate(measure, {least: LEAST_CONTRAST})).map(fault => `${width} px: ${fault}`));
        await picture(page, `${name}.${width}.${scheme}.${view}`);
      }
      expect(faults, `${name}: ${scheme}, ${view}, at ${WIDTHS.join(', ')} px`);
      if (view === 'as it is') {
        expect(await axe(page), `${name}: ${scheme}, axe on the mail`);
        await page.setViewportSize({width: 375, height: 900});
        await page.evaluate(enlarge);
        expect(await page.evaluate(measure, {least: LEAST_CONTRAST}), `${name}: ${scheme}, text at 200 %`);
        await picture(page, `${name}.200%.${scheme}`);
      }
      await context.close();
    }
  }
  fs.rmSync(bare);
  const charset = Buffer.from(html).subarray(0, 1024).toString().includes('<meta charset="utf-8">');
  expect(charset ? [] : ['none'], `${name}: the encoding stands in the first 1024 bytes`);
}

async function judgePreview(name, folder, expect) {
  for (const scheme of ['light', 'dark']) {
    const context = await opened(scheme, true, folder), page = await context.newPage();
    await page.goto('file://' + path.join(folder, 'preview.html'));
    const faults = [];
    for (const width of [320, 375, 1280]) {
      await page.setViewportSize({width, height: 900});
      faults.push(...(await page.evaluate(measure, {least: LEAST_CONTRAST})).map(fault => `${width} px: ${fault}`));
      await picture(page, `${name}.preview.${width}.${scheme}`);
    }
    expect(faults, `${name}: ${scheme}, preview at 320, 375, 1280 px`);
    expect(await axe(page), `${name}: ${scheme}, axe on the preview`);
    await context.close();
  }
}

// All rules that axe has, its advice included. The frames of a preview hold the mail, which is judged by itself.
async function axe(page) {
  await page.evaluate(AXE);
  const {violations} = await page.evaluate(() => window.axe.run(document, {iframes: false, resultTypes: ['violations']}));
  return violations.map(({id, help, nodes}) => `${id}: ${help}: ${nodes[0].html.slice(0, 120)}`);
}

async function picture(page, name) {
  if (!options.pictures || !name.includes(options.only ?? '')) return;
  fs.mkdirSync(options.pictures, {recursive: true});
  await page.screenshot({path: path.join(options.pictures, `${name.replace(/ /g, '-')}.png`), fullPage: true});
}

// One run of the checker for all files, beside the browser.
async function checked() {
  const files = folders.flatMap(([, folder]) => ['next.html', 'preview.html'].map(file => path.join(folder, file)));
  const command = ['-jar', VNU, '--format', 'json', '--stdout', '--exit-zero-always', ...files];
  const {stdout} = await promisify(execFile)('java', command, {maxBuffer: 1 << 28});
  return JSON.parse(stdout).messages;
}

function judgeMarkup(messages) {
  for (const [name, folder] of folders) {
    for (const file of ['next.html', 'preview.html']) {
      const said = messages.filter(m => m.url.endsWith(path.join(folder, file)) && (m.type === 'error' || m.subType === 'warning'));
      const faults = said.filter(m => !(file === 'next.html' && meant.some(text => m.message.startsWith(text))));
      expect([...new Set(faults.map(m => `${m.message} (line ${m.lastLine}: ${m.extract.trim().replace(/\s+/g, ' ').slice(0, 80)})`))], `${name}: Nu on ${file}`);
    }
  }
}

// A few at once, and told in their order: most of the time goes by waiting for the browser.
const waiting = folders.map(([name, folder]) => ({name, folder, verdicts: []}));
async function work(queue) {
  for (let next; (next = queue.shift());) {
    const say = (faults, text) => next.verdicts.push([faults, text]);
    await judgeMail(next.name, next.folder, say);
    await judgePreview(next.name, next.folder, say);
  }
}
const queue = [...waiting];
const [messages] = await Promise.all([checked(), work(queue), work(queue), work(queue)]);
await browser.close();
for (const {verdicts} of waiting) for (const verdict of verdicts) expect(...verdict);
judgeMarkup(messages);
process.exit(wrong ? 1 : 0);
