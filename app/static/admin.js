/* ES5. One thing: a button that copies a field. Without scripts the field is there to be marked. */
(function () {
  'use strict';
  var d = document, nav = navigator;
  function copy(button) {
    var field = d.getElementById(button.getAttribute('data-copy')), said = button.querySelector('[role=status]');
    function done() { said.textContent = button.getAttribute('data-done'); }
    function choose() {
      field.focus();
      field.select();
      if (d.execCommand('copy')) { done(); } /* else it is marked, for their own hand */
    }
    if (nav.clipboard && nav.clipboard.writeText) { nav.clipboard.writeText(field.value).then(done, choose); }
    else { choose(); }
  }
  [].forEach.call(d.querySelectorAll('[data-copy]'), function (button) {
    button.hidden = false;
    button.addEventListener('click', function () { copy(button); });
  });
}());
