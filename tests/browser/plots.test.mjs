// The plots of the last hour.
import assert from "node:assert/strict";
import { test } from "node:test";

import { launch, open, unharmed, visit } from "./harness/browser.mjs";
import { start } from "./harness/gateway.mjs";

/** The colours of what is drawn, apart from what is nearly transparent. */
const drawn = (page) =>
  page.locator(".plot canvas").first().evaluate((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const colours = new Set();
    for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 250) colours.add(data.slice(at, at + 3).join());
    return [...colours];
  });

test("plots show the history, and go on", { timeout: 90_000 }, async (t) => {
  const [gateway, browser] = [await start(t), await launch(t)];
  const page = await open(browser, { colorScheme: "light" });
  await visit(page, gateway.url("/"));
  const plots = page.locator(".plot[data-series]");
  assert.ok((await plots.count()) >= 4);
  assert.equal(await plots.first().locator("p").innerText(), "nothing yet");

  const stop = new AbortController();
  const pushing = (async () => {
    while (!stop.signal.aborted) {
      await gateway.push({ job: "busy" }, "m 1\n");
      await gateway.scrape("busy");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  t.after(() => stop.abort());
  const seen = [];
  page.on("response", (answer) => answer.url().includes("/api/v1/history") && seen.push(answer.status()));
  // Within two samples of the history and two looks at it.
  const label = page.locator(".plot[data-series~=pushes_per_second][role=img]");
  await page.waitForFunction(() => /now \d/.test(document.querySelector(".plot[data-series~=pushes_per_second][role=img]")?.ariaLabel ?? ""), null, { timeout: 45_000 });
  await page.waitForFunction(
    () => Number(/now ([\d.]+)/.exec(document.querySelector(".plot[data-series~=pushes_per_second][role=img]").ariaLabel)[1]) > 0,
    null,
    { timeout: 45_000 },
  );
  assert.match(await label.getAttribute("aria-label"), /pushes: now [\d.]+\/s, lowest .*, highest /);
  assert.match(await page.locator(".plot[data-series~=memory_bytes] p").innerText(), /MiB|KiB/);
  assert.ok(seen.every((status) => status === 200) && seen.length >= 1);
  stop.abort();
  await pushing;

  const light = await drawn(page);
  assert.ok(light.length > 3, "something is drawn");
  await page.emulateMedia({ colorScheme: "dark" });
  const until = Date.now() + 10_000;
  while (String(await drawn(page)) === String(light)) {
    assert.ok(Date.now() < until, "in other colours");
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
  unharmed(page);
});

test("the history tells what the gateway did", { timeout: 60_000 }, async (t) => {
  const gateway = await start(t, { flags: ["--shards=2"] });
  for (let at = 0; at < 20; at += 1) assert.equal(await gateway.push({ job: `j${at}` }, "m 1\n"), 200);
  for (let at = 0; at < 5; at += 1) assert.equal(await gateway.push({ job: "bad" }, "m\n"), 400);
  await fetch(gateway.url("/metrics"));
  let data;
  do {
    await new Promise((resolve) => setTimeout(resolve, 200));
    ({ data } = await (await fetch(gateway.url("/api/v1/history"))).json());
  } while (data.time.length === 0);
  assert.ok(Math.abs(data.time[0] - Date.now() / 1000) < 15, "in seconds since 1970");
  // 25 in ten seconds, or in a few more where the machine is busy.
  const rate = data.pushes_per_second[0];
  assert.ok(rate > 1 && rate < 2.7, `${rate}`);
  assert.ok(Math.abs(data.failures_per_second[0] / rate - 0.2) < 0.01);
  assert.deepEqual([data.groups[0], data.series[0]], [20, 60]);
  assert.equal(data.shard_groups_min[0] + data.shard_groups_max[0], 20);
  assert.ok(data.scrape_seconds[0] > 0 && data.scrape_bytes[0] > 1000 && data.memory_bytes[0] > 1e6);
  assert.equal(data.persistence_lag_seconds[0], 0);
});
