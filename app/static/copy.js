/* ES5. Buttons that copy, and that print. Without scripts the code is there to be marked, and PDF to be kept. */
(function () {
  var d = document, w = window, print = d.querySelector('[data-print]');
  function say(text) { /* emptied first, so that the same word is read again */
    var live = d.getElementById('live');
    live.textContent = '';
    setTimeout(function () { live.textContent = text; }, 60);
  }
  function copy(button) {
    var code = d.getElementById(button.getAttribute('data-copy')), range = d.createRange(), chosen = getSelection();
    function done() { button.classList.add('done'); say(button.getAttribute('data-done')); }
    function choose() {
      range.selectNodeContents(code);
      chosen.removeAllRanges();
      chosen.addRange(range);
      if (d.execCommand('copy')) { done(); } /* else it is marked, for their own hand */
    }
    try { navigator.clipboard.writeText(code.textContent).then(done, choose); } catch (x) { choose(); }
  }
  d.addEventListener('click', function (e) {
    var button = e.target.closest && e.target.closest('button');
    if (button && button === print) { w.print(); } else if (button && /copy/.test(button.className)) { copy(button); }
  });
  if (print) { print.hidden = false; }
}());
