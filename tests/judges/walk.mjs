// walk.mjs --language L --port P --around URL [--pictures OUT]    one person's walk through all pages, in Chromium.
//
// The pages are walked without JavaScript, at 320 px in English and at 1280 px in German. Each page that is come to is then opened
// a second time, from the same bytes and with JavaScript, where it is measured at both widths, in light and dark: whether it is
// wider than its window, the contrast of text, text at 200 %, what axe finds, what the console says (also of the page's own
// policy), and what is loaded from where. `--around` answers for mails and the store, see walk.py.
import fs from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import {enlarge, measure} from './measure.mjs';

const require = createRequire(path.join(process.env.NODE_MODULES, 'x.js'));
const {chromium} = require('playwright-core');
const AXE = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const options = {};
for (let i = 2; i < process.argv.length; i += 2) options[process.argv[i].slice(2)] = process.argv[i + 1];
const FLAGS = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--disable-quic', `--host-resolver-rules=MAP news.example.org:443 127.0.0.1:${options.port}, MAP example.org:443 127.0.0.1:${options.port}, MAP * ~NOTFOUND`];
const HOSTS = ['news.example.org', 'example.org'];
const WHO = 'walker@people.example.com';
const NAME = options.language;

let wrong = 0;
function expect(faults, text) {
  const told = Array.isArray(faults) ? faults : faults ? [] : ['it is not so'];
  if (told.length === 0) return console.log(`ok    ${NAME}: ${text}`);
  wrong++;
  console.log(`WRONG ${NAME}: ${text}: ${told.slice(0, 5).join('; ')}${told.length > 5 ? `; and ${told.length - 5} more` : ''}`);
}
const same = (got, want, text) => expect(JSON.stringify(got) === JSON.stringify(want) ? [] : [`${JSON.stringify(got)}, not ${JSON.stringify(want)}`], text);
const around = async (name, values = {}) => (await fetch(`${options.around}/${name}?${new URLSearchParams(values)}`)).json();

const browser = await chromium.launch({executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS});
const walker = await browser.newContext({ignoreHTTPSErrors: true, javaScriptEnabled: false, viewport: {width: NAME === 'de' ? 1280 : 320, height: 800}});
const page = await walker.newPage();
page.setDefaultTimeout(10_000);
const trouble = [];
page.on('console', message => message.type() === 'error' && !/status of (404|422|410)/.test(message.text()) && trouble.push(message.text()));
page.on('request', request => HOSTS.includes(new URL(request.url()).hostname) || trouble.push(`${request.url()} was asked for`));
page.on('requestfailed', request => trouble.push(`${request.url()}: ${request.failure().errorText}`));
let last = null;
page.on('response', response => {
  if (response.request().isNavigationRequest() && !(response.status() >= 300 && response.status() < 400)) last = response;
});

// ---- measuring ------------------------------------------------------------------------------------------------------------

async function axe(page) {
  await page.evaluate(AXE);
  const {violations} = await page.evaluate(() => window.axe.run(document, {resultTypes: ['violations']}));
  return violations.map(({id, help, nodes}) => `${id}: ${help}: ${nodes[0].html.slice(0, 160)}`);
}

// Judges the page that the walker is on, under a name.
async function judge(name, status = 200) {
  const response = last, url = page.url();
  expect(response && response.status() === status ? [] : [`status ${response?.status()} at ${url}`], `${name}: status ${status}`);
  const body = await response.body(), headers = await response.allHeaders();
  delete headers['content-encoding'];
  delete headers['content-length'];
  const faults = [], found = new Set();
  for (const scheme of ['light', 'dark']) {
    const context = await browser.newContext({ignoreHTTPSErrors: true, colorScheme: scheme, viewport: {width: 320, height: 800}});
    const copy = await context.newPage();
    copy.on('console', message => ['error', 'warning'].includes(message.type()) && !/status of (404|422|410)/.test(message.text()) && faults.push(message.text()));
    copy.on('pageerror', error => faults.push(String(error)));
    copy.on('request', request => HOSTS.includes(new URL(request.url()).hostname) || faults.push(`it asks for ${request.url()}`));
    copy.on('response', r => r.status() >= 400 && !r.request().isNavigationRequest() && !r.url().endsWith('/favicon.ico') && faults.push(`${r.url()}: ${r.status()}`));
    await context.route(address => address.href === url, route =>
      route.request().isNavigationRequest() ? route.fulfill({status: response.status(), headers, body}) : route.continue());
    await copy.goto(url);
    for (const width of [320, 1280]) {
      await copy.setViewportSize({width, height: 800});
      faults.push(...(await copy.evaluate(measure, {least: 4.5})).map(fault => `${scheme}, ${width} px: ${fault}`));
      await picture(copy, `${name}.${width}.${scheme}`);
    }
    for (const fault of await axe(copy)) found.add(`${scheme}: ${fault}`);
    await copy.setViewportSize({width: 640, height: 800});
    await copy.evaluate(enlarge);
    faults.push(...(await copy.evaluate(measure, {least: 4.5})).map(fault => `${scheme}, text at 200 %: ${fault}`));
    const lang = await copy.evaluate(() => [document.documentElement.lang, document.title, document.querySelectorAll('h1').length, document.querySelectorAll('main, [role=main]').length]);
    if (!(lang[0] === NAME && lang[1] && lang[2] === 1 && lang[3] === 1)) faults.push(`language, title, headings, main: ${lang}`);
    await context.close();
  }
  expect([...new Set(faults)], `${name}: whole, legible, and nothing asked of others`);
  expect([...found], `${name}: axe`);
}

async function picture(page, name) {
  if (!options.pictures) return;
  fs.mkdirSync(options.pictures, {recursive: true});
  await page.screenshot({path: path.join(options.pictures, `${NAME}.${name.replace(/[^\w.]+/g, '-')}.png`), fullPage: true});
}

// ---- walking --------------------------------------------------------------------------------------------------------------

// The first button: that which the page is there for.
const submit = async () => Promise.all([page.waitForLoadState('load'), page.locator('form[method="post" i] button').first().click()]);
const unfold = async () => { for (const closed of await page.locator('details:not([open]) > summary').all()) await closed.click(); };
const buttons = () => page.locator('form[method="post" i] button').count();
const box = (name, value) => page.locator(`input[name="${name}"][value="${value}"]`);

const scanned = async (link, name) => same(await around('scan', {link}), false, `${name}: what opens links before she does changes nothing`);

async function walk() {
  await page.goto('https://example.org/atom.xml');
  await judge('feed in a browser');
  const form = page.locator('a[href*="subscribe/"]').first();
  expect(await form.count() === 1, 'the page of a feed leads to the form');
  await (await form.count() ? form.click() : page.goto('https://news.example.org/subscribe/'));
  await page.waitForLoadState('load');
  if (!page.url().includes('/subscribe/')) await page.goto('https://news.example.org/subscribe/');
  await judge('form');
  const trap = page.locator('[name="website"]').first();
  const unseen = field => {
    for (let e = field; e; e = e.parentElement) {
      const {width, height} = e.getBoundingClientRect();
      if (width <= 1 && height <= 1 && getComputedStyle(e).overflow === 'hidden') return true;
    }
    return false;
  };
  expect(!await trap.isVisible() || await trap.evaluate(unseen), 'nobody sees the field that must stay empty');
  expect(await trap.evaluate(field => field.tabIndex < 0 || !field.checkVisibility()), 'nor comes to it with the keyboard');
  expect(await trap.evaluate(field => field.closest('[aria-hidden="true"]') !== null || !field.checkVisibility()), 'nor hears of it');
  await page.locator('[name="address"]').fill('nobody@');
  await page.locator('form[method="post" i]').last().evaluate(form => { form.noValidate = true; });
  await submit();
  await judge('form with a fault', 422);
  same(await page.locator('[name="address"]').inputValue(), 'nobody@', 'what was typed is still there');
  await page.locator('[name="address"]').fill(WHO);
  if (await box('digest', 'letter').count() && await box('digest', 'letter').isChecked()) await box('digest', 'letter').uncheck();
  await box('digest', 'weekly').check();
  await unfold();
  await box('category', 'care').check();
  await box('topic', 'forms').check();
  await picture(page, 'form filled in');
  await submit();
  await judge('sent');
  expect(page.url().endsWith('/subscribe/sent/'), 'she is told to look at her mail');

  const confirm = await around('link', {to: WHO, kind: 'confirm'});
  if (!confirm) return expect(false, 'a mail to confirm comes');
  await scanned(confirm, 'confirm');
  await page.goto(confirm);
  await judge('confirm');
  same(await buttons(), 1, 'confirm: one button');
  same((await around('state', {of: WHO})).weekly ?? 'pending', 'pending', 'confirm: seeing the page is not yet a yes');
  await submit();
  await judge('confirmed');
  const state = await around('state', {of: WHO});
  same([state.weekly, state.letter ?? null, state.choice], ['active', null, 'category=care;topic=forms'], 'she gets what she chose');

  const issue = await around('issue', {to: WHO});
  same(issue.mails, 1, `an issue comes ${issue.error ?? ''}`);
  const links = [...(issue.html ?? '').matchAll(/href="([^"]+)"/g)].map(match => match[1].replaceAll('&amp;', '&'));
  const preferences = links.find(link => link.includes('/preferences/')), leave = links.find(link => link.includes('/unsubscribe/'));
  const view = links.find(link => link.includes('/digest/weekly/'));
  expect(preferences && leave && view, 'with links to preferences, out, and to itself in the browser');
  if (!(preferences && leave && view)) return;

  await scanned(preferences, 'preferences');
  await page.goto(preferences);
  await judge('preferences');
  expect(await box('category', 'care').isChecked() && await box('topic', 'forms').isChecked() && await box('digest', 'weekly').isChecked(), 'preferences: they are as she chose');
  await unfold();
  await box('category', 'care').uncheck();
  await box('category', 'product').check();
  const pause = page.locator('select[name="pause"]');
  await (await pause.count() ? pause.selectOption('2') : box('pause', '2').check());
  await submit();
  expect(page.url().includes('?saved'), 'preferences: saved');
  await judge('preferences saved');
  const chosen = await around('state', {of: WHO});
  expect(chosen.choice === 'category=product;topic=forms' && chosen.paused ? [] : [JSON.stringify(chosen)], 'preferences: they hold, and a pause');
  expect(await box('category', 'product').isChecked() && !await box('category', 'care').isChecked(), 'preferences: and are shown');

  await page.goto(view);
  await judge('issue in the browser');
  const shown = await page.content();
  expect(!shown.includes(WHO) && !/[\w-]{48}/.test(shown.replace(/tag:[^\s"<]*/g, '')), 'an issue in the archive names nobody');
  await page.goto('https://example.org/digest/weekly/');
  await judge('archive');

  await scanned(leave, 'unsubscribe');
  await page.goto(leave);
  await judge('unsubscribe');
  expect(await page.locator('form[method="post" i]').first().isVisible(), 'unsubscribe: there is a button');
  await submit();
  await judge('unsubscribed');
  same((await around('state', {of: WHO})).weekly, 'ended', 'she has left');

  const before = await around('mails', {to: WHO});
  await page.goto('https://news.example.org/preferences/');
  await judge('ask for a link');
  await page.locator('[name="address"]').fill(WHO);
  await submit();
  await judge('link sent');
  const link = await around('link', {to: WHO, kind: 'preferences', after: before});
  if (!link) return expect(false, 'a mail with a link comes');
  await scanned(link, 'link');
  await page.goto(link);
  await judge('preferences by a link that was asked for');
  await page.locator('a[href*="/data/"]').first().click();
  await page.waitForLoadState('load');
  const data = page.url();
  await scanned(data, 'data');
  await page.goto(data);
  await judge('data');
  expect((await page.content()).includes(WHO), 'data: it shows what is kept');
  const sure = page.locator('input[name="erase"][type="checkbox"]');
  if (await sure.count()) await sure.check();
  await submit();
  await judge('erased');
  same((await around('state', {of: WHO})).known, false, 'nothing of her is left');
  await page.goto(data);
  await judge('a link of somebody who is no longer known');
  await page.goto('https://news.example.org/nothing/here');
  await judge('not found', 404);
}

try {
  await walk();
} catch (error) {
  expect([String(error).slice(0, 600)], `the walk broke off at ${page.url()}`);
  await picture(page, 'broken off');
}
expect([...new Set(trouble)], 'nothing went wrong on the way');
await browser.close();
process.exit(wrong ? 1 : 0);
