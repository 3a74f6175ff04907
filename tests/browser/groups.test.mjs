// The list of groups, and what it leads to.
import assert from "node:assert/strict";
import { test } from "node:test";

import { launch, open, unharmed, visit } from "./harness/browser.mjs";
import { AWKWARD, typical } from "./harness/fixtures.mjs";
import { start } from "./harness/gateway.mjs";

const rows = (page) => page.locator("main table tbody tr");

test("an empty gateway says that nothing is here yet, and how to push", async (t) => {
  const [gateway, browser] = [await start(t), await launch(t)];
  const page = await open(browser);
  for (const path of ["/", "/groups", "/jobs"]) {
    await visit(page, gateway.url(path));
    assert.match(await page.locator("main").innerText(), /no groups|nothing|no jobs|0 groups/i, path);
  }
  assert.equal(await page.locator("main table tbody tr a").count(), 0);
  unharmed(page);
});

test("groups are listed, searched, filtered, and open", async (t) => {
  const [gateway, browser] = [await start(t), await launch(t)];
  await typical(gateway);
  const page = await open(browser);
  await visit(page, gateway.url("/groups"));
  assert.equal(await rows(page).count(), 7 + AWKWARD.length);

  await t.test("search over labels", async () => {
    await page.getByRole("searchbox").fill("db2.example");
    await page.getByRole("searchbox").press("Enter");
    await page.waitForURL(/q=db2/);
    assert.equal(await rows(page).count(), 1);
    assert.match(await rows(page).innerText(), /backup/);
    await visit(page, gateway.url("/groups?q=no-such-thing"));
    assert.match(await page.locator("main").innerText(), /no group/i);
    assert.equal(await page.getByRole("searchbox").inputValue(), "no-such-thing");
  });

  await t.test("the failed push is marked, by a word, and can be filtered for", async () => {
    await visit(page, gateway.url("/groups?q=w2"));
    assert.match(await rows(page).innerText(), /failed/i);
    await visit(page, gateway.url("/groups?q=w1"));
    assert.doesNotMatch(await rows(page).innerText(), /failed/i);
    await visit(page, gateway.url("/groups?state=failed"));
    assert.equal(await rows(page).count(), 1);
    assert.match(await rows(page).innerText(), /w2/);
  });

  await t.test("groups that are older than a time", async () => {
    await visit(page, gateway.url("/groups?older_than=1h"));
    assert.equal(await rows(page).count(), 1);
    assert.match(await rows(page).innerText(), /w2[^]*never/, "which was never pushed to");
    const wrong = await page.goto(gateway.url("/groups?older_than=soon"));
    assert.equal(wrong.status(), 400);
    assert.match(await page.locator("body").innerText(), /older_than/);
    page.faults.length = 0; // The browser logs the 400 that was asked for.
  });

  await t.test("a group shows its families with type, help and samples", async () => {
    await visit(page, gateway.url("/groups?q=db1"));
    await rows(page).locator("a[href*='groups/job']").first().click();
    await page.waitForURL(/\/groups\/job/);
    const text = await page.locator("main").innerText();
    for (const wanted of ["backup_bytes", "How much was copied.", "/srv", "backup_duration_seconds", "0.99", "db1.example.org"]) {
      assert.ok(text.includes(wanted), wanted);
    }
    for (const type of [/gauge/i, /histogram/i, /summary/i]) assert.match(text, type);
  });

  await t.test("a native histogram is readable", async () => {
    await visit(page, gateway.url("/groups?q=n1"));
    await rows(page).locator("a[href*='groups/job']").first().click();
    await page.waitForURL(/\/groups\/job/);
    assert.match(await page.locator("main").innerText(), /native/i);
  });

  await t.test("awkward values are shown as they are, and their groups open", async () => {
    await visit(page, gateway.url("/groups?job=awkward"));
    const paths = await rows(page).locator("a[href*='groups/job']").evaluateAll((links) => [...new Set(links.map((link) => link.href))]);
    assert.equal(paths.length, AWKWARD.length);
    const shown = new Set();
    for (const path of paths) {
      await visit(page, path);
      const text = await page.locator("main").textContent();
      for (const value of AWKWARD.filter((value) => value.trim() && text.includes(value))) shown.add(value);
    }
    assert.deepEqual([...shown].sort(), AWKWARD.filter((value) => value.trim()).sort());
    assert.equal(await page.locator("main b").filter({ hasText: "bold" }).count(), 0);
  });

  await t.test("a job shows all its groups", async () => {
    await visit(page, gateway.url("/jobs"));
    await page.getByRole("link", { name: "backup", exact: true }).first().click();
    await page.waitForURL(/\/jobs\/backup/);
    const text = await page.locator("main").innerText();
    for (const instance of ["db1", "db2", "db3"]) assert.ok(text.includes(`${instance}.example.org`), instance);
  });

  await t.test("what is not there is said to be so", async () => {
    for (const path of ["/groups/job/no-such-job", "/jobs/no-such-job", "/nothing"]) {
      assert.equal((await page.goto(gateway.url(path))).status(), 404, path);
    }
    page.faults.length = 0;
  });
  unharmed(page);
});

test("lists are sorted and paged", async (t) => {
  const [gateway, browser] = [await start(t), await launch(t)];
  const name = (at) => `n${String(at).padStart(3, "0")}`;
  await gateway.pushMany(
    120,
    (at) => ({ job: "many", instance: name(at) }),
    (at) => Array.from({ length: at + 1 }, (_, sample) => `m{s="${sample}"} 1\n`).join(""),
  );
  const page = await open(browser);
  await visit(page, gateway.url("/groups"));
  assert.equal(await rows(page).count(), 50);
  const firstOf = async () => /n\d{3}/.exec(await rows(page).first().innerText())[0];
  assert.equal(await firstOf(), name(0));

  await page.getByRole("link", { name: /next/i }).first().click();
  await page.waitForURL(/page=2/);
  assert.equal(await firstOf(), name(50));
  await page.getByRole("link", { name: /next/i }).first().click();
  await page.waitForURL(/page=3/);
  assert.equal(await rows(page).count(), 20);

  await visit(page, gateway.url("/groups"));
  const heading = page.getByRole("columnheader", { name: /series/i });
  await heading.getByRole("link").click();
  await page.waitForURL(/sort=series/);
  const sorted = await heading.getAttribute("aria-sort");
  assert.match(sorted, /ascending|descending/);
  assert.equal(await firstOf(), sorted === "descending" ? name(119) : name(0));
  await heading.getByRole("link").click();
  await page.waitForURL(/order=/);
  assert.equal(await firstOf(), sorted === "descending" ? name(0) : name(119));
  assert.notEqual(await heading.getAttribute("aria-sort"), sorted);

  for (const sort of ["age", "job", "bytes", "families", "failed"]) {
    for (const order of ["asc", "desc"]) {
      await visit(page, gateway.url(`/groups?sort=${sort}&order=${order}`));
      assert.equal(await rows(page).count(), 50);
    }
  }
  unharmed(page);
});

test("a family with many samples is paged", async (t) => {
  const [gateway, browser] = [await start(t), await launch(t)];
  const value = (at) => `v${String(at).padStart(3, "0")}`;
  const body = Array.from({ length: 700 }, (_, at) => `m{at="${value(at)}"} ${at}\n`).join("");
  assert.equal(await gateway.push({ job: "large" }, body), 200);
  const page = await open(browser);
  await visit(page, gateway.url("/groups/job/large"));
  await page.getByRole("link", { name: /700 lines/i }).click();
  await page.waitForURL(/\?/);
  const shown = async () => new Set((await page.locator("main").textContent()).match(/v\d{3}/g));
  const first = await shown();
  assert.ok(first.has(value(0)) && first.size < 700);
  const seen = new Set(first);
  while (await page.getByRole("link", { name: "Next" }).count()) {
    const before = page.url();
    await page.getByRole("link", { name: "Next" }).first().click();
    await page.waitForURL((url) => url.href !== before);
    for (const value of await shown()) {
      assert.ok(!seen.has(value), `${value} is shown once`);
      seen.add(value);
    }
  }
  assert.equal(seen.size, 700);
  unharmed(page);
});
