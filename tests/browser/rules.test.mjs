// What the pages say of groups that expire, and of those that have.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { NARROWEST, fitsItsWidth, isAccessible, launch, open, screenshot, unharmed, visit } from "./harness/browser.mjs";
import { start } from "./harness/gateway.mjs";

const RULES = `rules:
  - match: '{job="preview"}'
    expire: 1s
  - match: '{job=~"cron-.*"}'
    expire: 168h
    hold_until_scraped: 5m
`;

const rows = (page) => page.locator("main table tbody tr");

/** A gateway with rules, some groups, and one more that has expired. */
async function ruled(t) {
  const directory = mkdtempSync(join(tmpdir(), "shardgate-rules-"));
  t.after(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, "rules.yml"), RULES);
  const gateway = await start(t, { flags: [`--rules.file=${join(directory, "rules.yml")}`] });
  assert.equal(await gateway.push({ job: "preview", branch: "feature-login" }, "pods 3\n"), 200);
  assert.equal(await gateway.push({ job: "cron-backup", instance: "db1.example.org" }, "rows 17\n"), 200);
  assert.equal(await gateway.push({ job: "cron-backup", instance: "db1.example.org" }, "rows 1\nrows 2\n"), 400);
  assert.equal(await gateway.push({ job: "stays" }, "m 1\n"), 200);
  return gateway;
}

test("pages say what expires when, what the ledger knows, and what has expired", async (t) => {
  const [gateway, browser] = [await ruled(t), await launch(t)];
  const page = await open(browser);

  await t.test("a group that expires appears on the open page of expired groups", async () => {
    await visit(page, gateway.url("/expired"));
    const row = rows(page).filter({ hasText: "feature-login" });
    await row.waitFor({ timeout: 15_000 });
    assert.match(await row.innerText(), /preview[^]*1 s without a push, rule 1/);
    assert.match(await page.locator("#sum").innerText(), /^1 group in the last hour$/);
    await page.getByRole("searchbox").fill("branch=nothing");
    await page.getByRole("searchbox").press("Enter");
    await page.getByText("No group that matches has expired").waitFor();
  });

  await t.test("the list of groups has a column for it, and sorts by it", async () => {
    await visit(page, gateway.url("/groups"));
    await page.getByRole("link", { name: "1 group has expired in the last hour" }).waitFor();
    await page.getByRole("columnheader", { name: "Expires" }).getByRole("link").click();
    await page.waitForURL(/sort=expires/);
    assert.match(await rows(page).first().innerText(), /cron-backup[^]*in 6 d 23 h rule 2/);
    assert.match(await rows(page).nth(1).innerText(), /stays[^]*never/);
    await rows(page).first().getByRole("link", { name: "rule 2" }).click();
    await page.waitForURL(/status#rules/);
    const rule = page.locator("main tr").filter({ hasText: 'cron-' });
    assert.match(await rule.innerText(), /2[^]*expire: 168h; hold_until_scraped: 5m/);
  });

  await t.test("a group says when it expires", async () => {
    await visit(page, gateway.url("/groups/job/cron-backup/instance/db1.example.org"));
    const fact = page.locator(".facts > div").filter({ hasText: "Expires" });
    assert.match(await fact.innerText(), /in 6 d 23 h[^]*\d{4}-\d\d-\d\dT[^]*rule 2/);
  });

  await t.test("a job shows its ledger, also when its groups are gone", async () => {
    await visit(page, gateway.url("/jobs/cron-backup"));
    assert.match(await page.locator("main").innerText(), /Accepted pushes\s+1\s+Rejected pushes\s+1/);
    await visit(page, gateway.url("/jobs"));
    assert.match(await rows(page).filter({ hasText: "preview" }).innerText(), /no groups/);
    await page.getByRole("link", { name: "preview" }).click();
    await page.waitForURL(/jobs\/preview/);
    const text = await page.locator("main").innerText();
    assert.match(text, /Groups that have expired\s+1\s+1 group in the last hour/);
    assert.match(text, /No group of this job is stored/);
    await page.getByRole("link", { name: "1 group in the last hour" }).click();
    await page.waitForURL(/expired\?job=preview/);
    assert.equal(await rows(page).count(), 1);
  });
  unharmed(page);

  await t.test("an old link to an expired group says why it is gone", async () => {
    const answer = await page.goto(gateway.url("/groups/job/preview/branch/feature-login"));
    assert.equal(answer.status(), 404);
    assert.match(await page.locator("main").innerText(), /The group expired .* ago, 1 s after its last push: rule 1/);
  });
});

test("the pages of rules look right, also on a narrow phone in the dark", async (t) => {
  const [gateway, browser] = [await ruled(t), await launch(t)];
  for (const [look, options] of [["light", {}], ["narrow-dark", { colorScheme: "dark", viewport: NARROWEST, isMobile: true }]]) {
    const page = await open(browser, options);
    await visit(page, gateway.url("/expired"));
    await rows(page).first().waitFor({ timeout: 15_000 });
    for (const [name, path] of Object.entries({
      "rules-expired": "/expired",
      "rules-groups": "/groups",
      "rules-group": "/groups/job/cron-backup/instance/db1.example.org",
      "rules-jobs": "/jobs",
      "rules-job": "/jobs/cron-backup",
      "rules-job-gone": "/jobs/preview",
      "rules-overview": "/",
      "rules-status": "/status",
    })) {
      await visit(page, gateway.url(path));
      await screenshot(page, `${name}-${look}`);
      await fitsItsWidth(page);
      await isAccessible(page);
    }
    unharmed(page);
  }
});
