"use strict";

/* What a threshold keeps. Means over queries, as secondpass.thresholds counts them: precision over the
   queries for which something is kept, recall over those that have a relevant candidate. */
function counter(data) {
  const queries = data.queries.map(([relevant, scores, labels, tokens]) => {
    const hits = [0], sizes = [0];
    scores.forEach((_, i) => {
      hits.push(hits[i] + (labels[i] === "1" ? 1 : 0));
      sizes.push(sizes[i] + tokens[i]);
    });
    return { relevant, scores, hits, sizes };
  });
  const all = queries.reduce((sum, q) => sum + q.sizes[q.scores.length], 0);

  function at(threshold) {
    let kept = 0, tokens = 0, empty = 0, precision = 0, recall = 0, answerable = 0;
    for (const q of queries) {
      let low = 0, high = q.scores.length; /* scores fall: find the first one below */
      while (low < high) {
        const middle = (low + high) >> 1;
        if (q.scores[middle] >= threshold) low = middle + 1; else high = middle;
      }
      kept += low;
      tokens += q.sizes[low];
      if (low) precision += q.hits[low] / low; else empty += 1;
      if (q.relevant) { answerable += 1; recall += q.hits[low] / q.relevant; }
    }
    const n = queries.length;
    const p = n > empty ? precision / (n - empty) : null, r = answerable ? recall / answerable : 0;
    return {
      precision: p, recall: r, f1: p && r ? 2 * p * r / (p + r) : 0, kept: kept / n,
      tokens: tokens / n, saved: all ? 1 - tokens / all : 0, empty: empty / n,
    };
  }
  return at;
}

function shortNumber(value) { return String(Number(value.toPrecision(4))); }

function chart(box, data, at) {
  const steps = 200, lines = { p: "", r: "", f: "" };
  for (let i = 0; i <= steps; i += 1) {
    const now = at(data.low + (data.high - data.low) * i / steps), x = 100 * i / steps;
    for (const [name, y] of [["p", now.precision], ["r", now.recall], ["f", now.f1]]) {
      if (y === null) continue;
      lines[name] += `${lines[name] ? "L" : "M"}${x} ${(40 * (1 - y)).toFixed(3)}`;
    }
  }
  const grid = [0, 20, 40].map((y) => `<path class="grid" d="M0 ${y}H100"/>`).join("");
  box.innerHTML = `<svg viewBox="0 0 100 40" preserveAspectRatio="none" aria-hidden="true">${grid}` +
    `<path class="p" d="${lines.p}"/><path class="r" d="${lines.r}"/><path class="f" d="${lines.f}"/>` +
    `<path class="at" d="M0 0V40"/></svg><div class="ends"><span>${shortNumber(data.low)}</span>` +
    `<span>threshold</span><span>${shortNumber(data.high)}</span></div>`;
  const mark = box.querySelector(".at");
  return (threshold) => {
    const x = 100 * (threshold - data.low) / (data.high - data.low);
    mark.setAttribute("d", `M${Math.min(100, Math.max(0, x))} 0V40`);
  };
}

function slider(box) {
  const data = JSON.parse(box.querySelector("script").textContent);
  const at = counter(data), [range, number, best] =
    [".range", ".number", ".best"].map((name) => box.querySelector(name));
  const show = (name, text) => { box.querySelector(`[data-out=${name}]`).textContent = text; };
  const move = chart(box.querySelector(".chart"), data, at);

  function set(threshold, from) {
    const now = at(threshold);
    show("precision", now.precision === null ? "–" : now.precision.toFixed(3));
    show("recall", now.recall.toFixed(3));
    show("f1", now.f1.toFixed(3));
    show("kept", now.kept.toFixed(1));
    show("tokens", now.tokens.toFixed(0));
    show("saved", `${(100 * now.saved).toFixed(1)}\u202f%`);
    show("empty", `${(100 * now.empty).toFixed(1)}\u202f%`);
    show("code", `Threshold(${threshold}${data.scale === "raw" ? ', scale="raw"' : ""})`);
    if (from !== range) range.value = threshold;
    if (from !== number) number.value = threshold;
    range.setAttribute("aria-valuetext", `${threshold}: F1 ${now.f1.toFixed(3)}`);
    move(threshold);
  }
  function fit(value) { /* a probability stays one; raw scores may be anything */
    return data.scale === "raw" ? value : Math.min(1, Math.max(0, value));
  }
  range.addEventListener("input", () => set(Number(shortNumber(Number(range.value))), range));
  number.addEventListener("input", () => {
    if (number.value !== "" && fit(number.valueAsNumber) === number.valueAsNumber) {
      set(number.valueAsNumber, number);
    }
  });
  best.addEventListener("click", () => set(data.start));
  for (const control of [range, number, best]) control.disabled = false;
  function fromAddress() { /* report.html#threshold=0.7 */
    const found = /^#threshold=(-?[\d.]+(?:e-?\d+)?)$/.exec(location.hash);
    if (found && Number.isFinite(Number(found[1]))) {
      set(fit(Number(found[1])));
      box.scrollIntoView();
    }
  }
  set(data.start);
  fromAddress();
  window.addEventListener("hashchange", fromAddress);
  box.dataset.ready = "yes";
}

document.querySelectorAll("[data-slider]").forEach(slider);
window.addEventListener("beforeprint", () => {
  document.querySelectorAll("details").forEach((one) => { one.open = true; });
});
