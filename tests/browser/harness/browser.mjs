// Debian's Chromium, driven by playwright-core, and what no page may ever do in it.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { chromium } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SCREENSHOTS = new URL("../../../target/browser/", import.meta.url).pathname;
const WAIT_MS = 15_000;

export const DESKTOP = { width: 1280, height: 900 };
export const PHONE = { width: 390, height: 844 };
/** The narrowest screen that pages fit. */
export const NARROWEST = { width: 360, height: 740 };

/** Starts a browser with a profile of its own; ends with the test `t`. */
export async function launch(t) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM_BIN ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  t.after(() => browser.close());
  return browser;
}

/** A page in a context of its own. `page.faults` collects what no page may do. */
export async function open(browser, options = {}) {
  const context = await browser.newContext({ viewport: DESKTOP, locale: "en-GB", timezoneId: "UTC", ...options });
  context.setDefaultTimeout(WAIT_MS);
  const page = await context.newPage();
  page.faults = [];
  const fault = (text) => page.faults.push(`${page.url()}: ${text}`);
  page.on("console", (message) => {
    // Beside what is no page the browser asks for this by itself.
    const isOurs = !message.location().url.endsWith("/favicon.ico");
    if (message.type() === "error" && isOurs) fault(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => fault(`uncaught: ${error.message}`));
  page.on("dialog", (dialog) => {
    fault(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("requestfailed", (request) => {
    // What a navigation has cut off is no fault of a page.
    if (request.failure()?.errorText !== "net::ERR_ABORTED") fault(`${request.url()}: ${request.failure()?.errorText}`);
  });
  page.on("request", (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (hostname !== "127.0.0.1" && protocol !== "data:") fault(`asks another host: ${request.url()}`);
  });
  if (options.javaScriptEnabled !== false) {
    await page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI}`);
      });
    });
  }
  return page;
}

/** Goes to a page, which must be there. */
export async function visit(page, url) {
  const answer = await page.goto(url);
  assert.equal(answer.status(), 200, url);
  return answer;
}

/** Nothing that no page may do has been done. */
export function unharmed(page) {
  assert.deepEqual(page.faults, []);
}

/** The page cannot be scrolled sideways. */
export async function fitsItsWidth(page) {
  const [content, width] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content <= width, `${page.url()}: ${content} px in ${width} px`);
}

/** Has axe-core look at the page: nothing serious or critical may be found. */
export async function isAccessible(page) {
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
    return violations.map(({ id, impact, help, nodes }) => ({
      id,
      impact,
      help,
      nodes: nodes.slice(0, 3).map((node) => `${node.html} ${node.failureSummary}`),
    }));
  });
  const grave = found.filter(({ impact }) => impact === "serious" || impact === "critical");
  assert.deepEqual(grave, [], page.url());
}

/** Writes a screenshot of the whole page to `target/browser`. */
export async function screenshot(page, name) {
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: `${SCREENSHOTS}${name}.png`, fullPage: true });
}
