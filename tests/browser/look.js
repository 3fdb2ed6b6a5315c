/* What is wrong with this page for somebody who looks at it: a list of sentences. */
(function () {
  const LEAST = 43.5; /* 44 px, less a rounding */
  const found = [];
  const wide = document.documentElement.clientWidth;

  function seen(e) {
    const box = e.getBoundingClientRect();
    return e.checkVisibility({visibilityProperty: true, contentVisibilityAuto: true})
      && box.width > 1 && box.height > 1 && box.right > 0 && box.bottom + scrollY > 0;
  }
  function all(selector) { return [...document.querySelectorAll(selector)].filter(seen); }
  function named(e) {
    const id = e.id ? '#' + e.id : '', kind = e.className && e.className.split ? '.' + e.className.split(' ')[0] : '';
    return e.localName + id + kind + ' "' + e.textContent.trim().replace(/\s+/g, ' ').slice(0, 40) + '"';
  }
  function inSentence(e) {
    const words = [...e.parentNode.childNodes].some(n => n.nodeType === Node.TEXT_NODE && n.data.trim());
    return words && getComputedStyle(e).display.startsWith('inline');
  }

  if (document.documentElement.scrollWidth > innerWidth || document.documentElement.scrollWidth > wide) {
    found.push('scrolls sideways: ' + document.documentElement.scrollWidth + ' px at ' + wide);
  }
  all('body *').forEach(function (e) {
    const box = e.getBoundingClientRect();
    if (e.childElementCount === 0 && e.textContent.trim() && box.right > wide + 1) {
      found.push('over the edge: ' + named(e));
    }
  });
  all('h1, h2, p, li, dt, dd, label, summary, button, .button, .link').forEach(function (e) {
    if (getComputedStyle(e).display !== 'inline' && e.scrollWidth > e.clientWidth + 1) {
      found.push('clipped: ' + named(e) + ' ' + e.scrollWidth + ' > ' + e.clientWidth);
    }
  });
  all('a[href], button, summary, input, select').forEach(function (e) {
    const box = e.getBoundingClientRect();
    if (!inSentence(e) && (box.width < LEAST || box.height < LEAST)) {
      found.push('hard to hit: ' + named(e) + ' ' + box.width.toFixed(0) + '×' + box.height.toFixed(0));
    }
  });
  if (all('h1').length !== 1) { found.push(all('h1').length + ' h1'); }
  if (!document.title.trim()) { found.push('no title'); }
  return found;
}())
