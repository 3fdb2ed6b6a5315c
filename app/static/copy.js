/* ES5. Buttons that copy, and that print. Without scripts the text is there to be marked, and PDF to be kept. */
(function () {
  var d = document, w = window, print = d.querySelector('[data-print]');
  function say(text) { /* emptied first, so that the same word is read again */
    var live = d.getElementById('live');
    live.textContent = '';
    setTimeout(function () { live.textContent = text; }, 60);
  }
  function mark(source) { /* a field, or the text of anything else */
    var range = d.createRange(), chosen = getSelection();
    if (source.select) { source.focus(); source.select(); return; }
    range.selectNodeContents(source);
    chosen.removeAllRanges();
    chosen.addRange(range);
  }
  function copy(button) {
    var source = d.getElementById(button.getAttribute('data-copy'));
    function done() {
      button.classList.add('done');
      say(button.getAttribute('data-done'));
    }
    function choose() {
      mark(source);
      if (d.execCommand('copy')) { done(); } /* else it is marked, for their own hand */
    }
    try { navigator.clipboard.writeText(source.value || source.textContent).then(done, choose); } catch (x) { choose(); }
  }
  d.addEventListener('click', function (e) {
    var button = e.target.closest && e.target.closest('button');
    if (button && button === print) { w.print(); } else if (button && button.hasAttribute('data-copy')) { copy(button); }
  });
  [].forEach.call(d.querySelectorAll('[data-copy], [data-print]'), function (button) { button.hidden = false; });
}());
