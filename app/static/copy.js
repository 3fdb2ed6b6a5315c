/* ES5. Buttons that copy, and that print. Without scripts the text is there to be marked, and PDF to be kept. */
(function () {
  var d = document, buttons = '[data-copy], [data-print]';
  function say(text) { /* emptied first, so that the same word is read again */
    var live = d.getElementById('live');
    live.textContent = '';
    setTimeout(function () { live.textContent = text; }, 60);
  }
  function copy(button) {
    var source = d.getElementById(button.getAttribute('data-copy'));
    function done() {
      button.classList.add('done');
      say(button.getAttribute('data-done'));
    }
    function choose() {
      if (source.select) { source.focus(); source.select(); } else { getSelection().selectAllChildren(source); }
      if (d.execCommand('copy')) { done(); } /* else it is marked, for their own hand */
    }
    try { navigator.clipboard.writeText(source.value || source.textContent).then(done, choose); } catch (x) { choose(); }
  }
  d.addEventListener('click', function (e) {
    var button = e.target.closest && e.target.closest(buttons);
    if (button && button.hasAttribute('data-copy')) { copy(button); } else if (button) { print(); }
  });
  [].forEach.call(d.querySelectorAll(buttons), function (button) { button.hidden = false; });
}());
