/* ES5. What customers would see follows what is typed; without scripts there is the button Preview. */
(function () {
  'use strict';
  var d = document, frame = d.querySelector('[data-preview]'), form = d.getElementById('plan'), timer;
  function query() {
    return ['name', 'price', 'every', 'unit'].map(function (name) {
      return name + '=' + encodeURIComponent(form.elements[name].value);
    }).join('&');
  }
  function show() { /* replace: the way back leads out of the form, not through its previews */
    frame.contentWindow.location.replace(frame.getAttribute('data-preview') + '?' + query());
  }
  form.addEventListener('input', function () {
    clearTimeout(timer);
    timer = setTimeout(show, 400);
  });
}());
