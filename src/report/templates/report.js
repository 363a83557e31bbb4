'use strict';
// Only what reading does not need: search, order, folding, copying. Text is only ever set as text.
(function () {
  var list = document.getElementById('list');
  if (!list) return;
  var rows = Array.prototype.slice.call(list.children);
  var level = { info: 0, low: 1, medium: 2, high: 3, critical: 4 };
  var text = rows.map(function () { return null; });
  var byId = function (id) { return document.getElementById(id); };
  var find = byId('find'), least = byId('least'), order = byId('order'), shown = byId('shown');

  function textOf(i) {
    if (text[i] === null) text[i] = rows[i].textContent.toLowerCase();
    return text[i];
  }
  function filter() {
    var words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    var floor = Number(least.value), n = 0;
    rows.forEach(function (row, i) {
      var ok = (level[row.dataset.s] || 0) >= floor &&
        words.every(function (w) { return textOf(i).indexOf(w) >= 0; });
      row.hidden = !ok;
      if (ok) n += 1;
    });
    shown.textContent = n + ' / ' + rows.length + ' ' + shown.dataset.of;
  }
  function sort() {
    var key = order.value;
    var rank = function (r) { return Number(r.dataset.r); };
    var sorted = rows.slice().sort(function (a, b) {
      var d = 0;
      if (key === 'time') d = a.dataset.t < b.dataset.t ? -1 : a.dataset.t > b.dataset.t ? 1 : 0;
      if (key === 'host') d = a.dataset.h < b.dataset.h ? -1 : a.dataset.h > b.dataset.h ? 1 : 0;
      return d || rank(a) - rank(b);
    });
    var all = document.createDocumentFragment();
    sorted.forEach(function (r) { all.appendChild(r); });
    list.appendChild(all);
  }
  function fold(open) {
    rows.forEach(function (r) { if (!open || !r.hidden) r.open = open; });
  }
  function reveal() {
    var name = decodeURIComponent(location.hash.slice(1));
    var at = name && document.getElementById(name);
    var row = at && at.closest('details.finding');
    if (!row) return;
    row.hidden = false;
    row.open = true;
    at.scrollIntoView();
  }
  function copied(button) {
    var before = button.textContent;
    button.textContent = list.dataset.copied;
    setTimeout(function () { button.textContent = before; }, 1500);
  }
  function copy(button) {
    var dl = button.parentNode.nextElementSibling;
    var lines = Array.prototype.map.call(dl.querySelectorAll('.ioc'), function (v) { return v.textContent; });
    if (navigator.clipboard && navigator.clipboard.writeText) {
      navigator.clipboard.writeText(lines.join('\n')).then(function () { copied(button); }, function () { select(dl); });
    } else {
      select(dl);
    }
  }
  function select(node) {
    var range = document.createRange();
    range.selectNodeContents(node);
    var s = window.getSelection();
    s.removeAllRanges();
    s.addRange(range);
  }

  byId('tools').hidden = false;
  find.addEventListener('input', filter);
  least.addEventListener('change', filter);
  order.addEventListener('change', sort);
  byId('unfold').addEventListener('click', function () { fold(true); });
  byId('fold').addEventListener('click', function () { fold(false); });
  list.addEventListener('click', function (e) {
    if (e.target.classList && e.target.classList.contains('copy')) copy(e.target);
  });
  list.querySelectorAll('.copy').forEach(function (b) { b.hidden = false; });
  window.addEventListener('hashchange', reveal);
  filter();
  reveal();
})();
