"use strict";
// Opens the pages that `run` made; see there. Arguments: the folder, then the names of the pages.
const { chromium } = require("playwright");
const path = require("node:path");
const { pathToFileURL } = require("node:url");

const [folder, ...pages] = process.argv.slice(2);
const screens = [["wide", 1280, 900], ["narrow", 390, 844], ["least", 360, 640]];
const faults = [];

// What is wrong with the charts and the width of the page that is open.
const judge = () => {
  const wrong = [];
  const charts = [...document.querySelectorAll(".chart")];
  if (charts.length === 0) wrong.push("there is no chart");
  for (const chart of charts) {
    const name = chart.dataset.chart;
    const canvas = chart.querySelector("canvas");
    if (!canvas || canvas.width === 0 || canvas.height === 0) {
      wrong.push(`${name}: nothing is drawn`);
      continue;
    }
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const colors = new Map();
    for (let at = 0; at < data.length; at += 4) {
      if (data[at + 3] > 200) {
        const color = (data[at] << 16) | (data[at + 1] << 8) | data[at + 2];
        colors.set(color, (colors.get(color) ?? 0) + 1);
      }
    }
    // Text and grid are grey; a line has a hue and takes at least some pixels for every ten columns.
    const hued = [...colors].filter(([color]) => {
      const parts = [color >> 16, (color >> 8) & 255, color & 255];
      return Math.max(...parts) - Math.min(...parts) > 60;
    });
    const pixels = hued.reduce((sum, [, count]) => sum + count, 0);
    if (pixels < canvas.width / 10) wrong.push(`${name}: only ${pixels} coloured pixels in ${canvas.width} x ${canvas.height}`);
  }
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) wrong.push(`the page is ${scrollWidth} wide on a screen of ${clientWidth}`);
  return wrong;
};

(async () => {
  const executablePath = process.env.EVOQUANT_CHROMIUM || undefined;
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  for (const name of pages) {
    for (const [screen, width, height] of screens) {
      for (const colorScheme of ["light", "dark"]) {
        const what = `${name}-${screen}-${colorScheme}`;
        const context = await browser.newContext({ viewport: { width, height }, colorScheme, deviceScaleFactor: 1 });
        const page = await context.newPage();
        const fault = (text) => faults.push(`${what}: ${text}`);
        page.on("console", (message) => ["error", "warning"].includes(message.type()) && fault(message.text()));
        page.on("pageerror", (error) => fault(error.message));
        page.on("request", (request) => /^(file|data):/.test(request.url()) || fault(`asks for ${request.url()}`));
        await page.goto(pathToFileURL(path.join(folder, `${name}.html`)).href);
        await page.waitForTimeout(300);
        await page.screenshot({ path: path.join(folder, `${what}-top.png`) });
        await page.evaluate(() => document.querySelectorAll("details").forEach((details) => (details.open = true)));
        await page.waitForTimeout(600);
        (await page.evaluate(judge)).forEach(fault);
        await page.screenshot({ path: path.join(folder, `${what}.png`), fullPage: true });
        if (screen === "wide") {
          await page.locator(".toggle").first().click();
          await page.locator("[data-chart=equity] .u-over").hover({ position: { x: 400, y: 100 } });
          await page.waitForTimeout(200);
          const synchronised = await page.evaluate(() => document.querySelector("[data-chart=drawdown] .u-legend .u-value").textContent);
          if (!/^\d{4}-/.test(synchronised)) fault(`the cursor of drawdown does not follow that of equity: ${synchronised}`);
          await page.locator("[data-chart=equity]").screenshot({ path: path.join(folder, `${what}-linear.png`) });
          await page.pdf({ path: path.join(folder, `${what}.pdf`), format: "A4", printBackground: true });
        }
        await context.close();
      }
    }
  }
  await browser.close();
  faults.forEach((fault) => console.error(fault));
  console.log(`${pages.length * screens.length * 2} views, ${faults.length} faults`);
  process.exit(faults.length === 0 ? 0 : 1);
})();
