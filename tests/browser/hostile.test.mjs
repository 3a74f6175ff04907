// Texts that would do something on a careless page do nothing, wherever they are shown.
import assert from "node:assert/strict";
import { test } from "node:test";

import { launch, open, unharmed, visit } from "./harness/browser.mjs";
import { groupPath, start } from "./harness/gateway.mjs";
import { HOSTILE, harm } from "./harness/hostile.mjs";

/** A body with the text as a help text, a label value, and a bound that is none. */
function body(text, at) {
  const help = text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  const value = help.replaceAll('"', '\\"');
  return `# HELP hostile_${at} ${help}\n# TYPE hostile_${at} gauge\nhostile_${at}{text="${value}"} 1\n` +
    `# TYPE hostile_histogram_${at} histogram\nhostile_histogram_${at}_bucket{text="${value}",le="1"} 1\n` +
    `hostile_histogram_${at}_count{text="${value}"} 1\nhostile_histogram_${at}_sum{text="${value}"} 1\n`;
}

async function isInert(page, path) {
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 0))); // What fires at once has fired.
  assert.deepEqual(await page.evaluate(harm), [], path);
}

test("the harness notices harm", async (t) => {
  const browser = await launch(t);
  const page = await open(browser);
  const unnoticed = [];
  for (const text of HOSTILE.filter((text) => /^<\w/.test(text))) {
    await page.setContent(`<!DOCTYPE html><title>t</title><body><p>${text}</p></body>`);
    const found = await page.evaluate(harm).catch(() => ["it has led elsewhere"]);
    if (found.length === 0 && page.faults.length === 0) unnoticed.push(text);
  }
  assert.deepEqual(unnoticed, []);
});

test("hostile texts are inert on every page that shows them", async (t) => {
  assert.ok(HOSTILE.length >= 50);
  const [gateway, browser] = [await start(t), await launch(t)];
  for (const [at, text] of HOSTILE.entries()) {
    assert.equal(await gateway.push({ job: text, label: text }, body(text, at)), 200, text);
    // Another that is refused, whose reason holds the text.
    assert.equal(await gateway.push({ job: "refused", label: text }, `hostile_${at} 1 1\n`), 400, text);
  }
  const page = await open(browser);

  await t.test("lists", async () => {
    for (const list of ["/", "/groups", "/groups?page=2", "/groups?page=3", "/groups?state=failed", "/groups?job=refused", "/jobs", "/jobs?page=2", "/rejections", "/status"]) {
      await visit(page, gateway.url(list));
      await isInert(page, list);
    }
    unharmed(page);
  });

  await t.test("groups and jobs", async () => {
    for (const text of HOSTILE) {
      const group = groupPath("/groups", { job: text, label: text });
      await visit(page, gateway.url(group));
      const shown = await page.locator("main").textContent();
      // Characters that cannot be seen may be shown otherwise.
      if (!/[\u0000-\u001f\u007f\u2028\u2029\u202e]/.test(text)) assert.ok(shown.includes(text), `shown as it is: ${text}`);
      await isInert(page, text);
      await visit(page, gateway.url(groupPath("/jobs", { job: text }).replace("/jobs/job", "/jobs")));
      await isInert(page, text);
    }
    unharmed(page);
  });

  await t.test("searches that say what was searched for", async () => {
    for (const text of HOSTILE) {
      await visit(page, gateway.url(`/groups?${new URLSearchParams({ q: text, job: text })}`));
      await isInert(page, `search: ${text}`);
    }
    unharmed(page);
    for (const text of HOSTILE) {
      for (const name of ["older_than", "sort", "page", "deleted"]) {
        const answer = await page.goto(gateway.url(`/groups?${new URLSearchParams({ [name]: text })}`));
        assert.ok(answer.status() < 500);
        await isInert(page, `${name}: ${text}`);
      }
    }
    // The browser logs each 400 that was asked for.
    assert.deepEqual(page.faults.filter((fault) => !/status of 400/.test(fault)), []);
    page.faults.length = 0;
  });

  await t.test("paths that lead nowhere", async () => {
    for (const text of HOSTILE) {
      for (const path of ["/groups/job/", "/jobs/", "/"]) {
        await page.goto(gateway.url(path + encodeURIComponent(text)));
        await isInert(page, `${path}${text}`);
      }
    }
    assert.deepEqual(page.faults.filter((fault) => !/status of 40\d/.test(fault)), []);
    page.faults.length = 0;
  });

  await t.test("bodies that are checked, and the reasons why they would be refused", async () => {
    for (const [at, text] of HOSTILE.entries()) {
      for (const pasted of [body(text, at), `${body(text, at)}hostile_${at}{text="${text}`]) {
        await visit(page, gateway.url("/check"));
        await page.locator("main textarea").fill(pasted);
        const path = page.locator("main input[name=path]");
        if (await path.count()) await path.fill(`/job/${text}`);
        await page.locator("main").getByRole("button", { name: /check/i }).click();
        await page.waitForLoadState();
        await isInert(page, `check: ${pasted}`);
      }
    }
    assert.deepEqual(page.faults.filter((fault) => !/status of 4\d\d/.test(fault)), []);
  });
});
