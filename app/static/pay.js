/* ES5: old phones run it even where htmx does not parse. The server owns the state; this counts down,
   speaks, and asks sooner. */
(function () {
  'use strict';
  var d = document, w = window, nav = navigator;
  var left = null, lastAsked = 0, failures = 0, hiddenPolls = 0;
  var startedAt, lastPhase, touched, heldFocus, helpOpen, audio, lost, mute;

  function $(selector) { return d.querySelector(selector); }
  function card() { return $('#payment'); }
  function data(name) { var c = card(); return c && c.getAttribute('data-' + name); }
  function now() { return Date.now(); }
  function minutes(s) { return (s / 60 | 0) + ':' + ('0' + s % 60).slice(-2); }
  function typing() { var a = d.activeElement; return a && a.tagName === 'INPUT' && card() && card().contains(a); }
  function on(names, listener) {
    names.split(' ').forEach(function (name) { d.addEventListener(name, listener); });
  }
  function say(text) { /* emptied first, so that the same sentence is read again */
    var live = $('#live');
    if (!live || !text) { return; }
    live.textContent = '';
    setTimeout(function () { live.textContent = text; }, 60);
  }

  /* Another phase: announce it, and at the end sound, vibrate and move there. */
  function arrive(first) {
    var phase = data('phase'), problem = $('.problem'), wait = $('[data-wait]');
    startedAt = now();
    left = data('left') === null ? null : +data('left');
    if (wait) { wait.until = now() + 1000 * wait.getAttribute('data-wait'); }
    if (helpOpen && $('.help')) { $('.help').open = true; }
    if (!first && phase && phase !== lastPhase) { announce(data('tone')); }
    lastPhase = phase;
    if (problem || $('.wrong')) { (problem || $('.wrong input')).focus(); }
    tick();
  }
  function announce(tone) {
    var title = $('#title'), done = tone !== 'wait';
    say(data('live'));
    d.title = (tone === 'ok' ? '\u2713 ' : '') + title.textContent + d.title.replace(/^.*?( \u2013 )/, '$1');
    if (done) { signal(tone === 'ok'); }
    if (done || heldFocus) { title.focus(); }
  }

  /* Once a second: the PIN window, and the buttons that must wait. */
  function tick() {
    var time = $('#time'), wait = $('[data-wait]'), s;
    if (left !== null && time) {
      s = Math.max(0, Math.ceil(left - (now() - startedAt) / 1000));
      if (time.textContent !== minutes(s)) { countDown(time, s); }
    }
    if (wait && wait.until) { coolDown(wait, Math.ceil((wait.until - now()) / 1000)); }
  }
  function countDown(time, s) {
    time.textContent = minutes(s);
    $('#arc').setAttribute('stroke-dashoffset', (100 - s / 0.6).toFixed(1));
    if (s <= 10) { $('.ring').classList.add('low'); }
    if (s === 30 || s === 10) { say(time.parentNode.textContent.replace(/(\d)(\D+)$/, '$1 $2')); }
    if (s === 0) { ask(); }
  }
  function coolDown(button, s) {
    var label = button.querySelector('span');
    if (s > 0) { label.textContent = button.getAttribute('data-pattern').replace('%s', minutes(s)); return; }
    label.textContent = button.getAttribute('data-ready');
    button.removeAttribute('aria-disabled');
    button.removeAttribute('data-wait');
    button.removeChild(button.querySelector('svg'));
    say(label.textContent);
  }

  /* Ask now: back from the M-PESA message, online, or the cache. */
  function ask() {
    if (!+data('poll') || now() - lastAsked < 900) { return; }
    lastAsked = now();
    if (w.htmx) { w.htmx.trigger(card(), 'poll'); } else if (!typing()) { location.reload(); }
  }
  d.addEventListener('visibilitychange', function () { if (!d.hidden) { ask(); } });
  w.addEventListener('pageshow', function (e) { if (e.persisted) { ask(); } });
  w.addEventListener('focus', ask);

  function strip(kind) {
    var network = $('#network');
    if (!network) { return; }
    lost = kind === 'lost'; /* the next poll does not undo that */
    if (kind) { network.querySelector('span').textContent = network.getAttribute('data-' + kind); }
    network.hidden = !kind;
  }
  w.addEventListener('offline', function () { strip('offline'); });
  w.addEventListener('online', function () { failures = 0; strip(); ask(); });

  /* htmx 2 and 4 name the same events differently. */
  function context(e) { return (e.detail && e.detail.ctx) || e.detail || {}; }
  function isPoll(e) { var c = context(e), source = c.sourceElement || (c.requestConfig || c).elt; return source && source === card(); }
  on('htmx:beforeRequest htmx:before:request', function (e) {
    if (!isPoll(e)) { return; }
    if (d.hidden && hiddenPolls++ % 3) { e.preventDefault(); } /* unseen: one in three */
    if (!d.hidden) { hiddenPolls = 0; }
  });
  on('htmx:sendError htmx:responseError htmx:timeout htmx:error htmx:response:error', function (e) {
    failures += 1;
    if (nav.onLine === false) { strip('offline'); }
    else if (!isPoll(e)) { strip('lost'); }
    else if (failures > 1) { strip('slow'); }
  });
  on('htmx:afterOnLoad htmx:before:response', function (e) {
    var answer = context(e).xhr || context(e).response;
    if (answer && answer.status < 400 && !(lost && isPoll(e))) { failures = 0; strip(); }
  });
  on('htmx:beforeSwap', function (e) {
    var c = card(), answer = e.detail.xhr, help = $('.help');
    heldFocus = c && c.contains(d.activeElement);
    helpOpen = help && help.open;
    if (!isPoll(e)) { return; }
    /* A poll may not take away a half-typed number, except with a result; nor show an error page. */
    if (answer.status > 399 || (typing() && /data-tone="wait"/.test(answer.responseText))) { e.detail.shouldSwap = false; }
  });
  on('htmx:afterSwap htmx:after:swap', function () { arrive(false); });

  /* Sound and vibration need a tap first. */
  d.addEventListener('click', function (e) {
    var Audio = w.AudioContext || w.webkitAudioContext, button = e.target.closest && e.target.closest('button');
    touched = true;
    try { audio = audio || new Audio(); } catch (x) {  }
    if (!button) { return; }
    if (button.hasAttribute('data-copy')) { copy(button); }
    if (button.hasAttribute('data-print')) { w.print(); }
    if (button.id === 'sound') { mute = !mute; label(); keep(); }
  }, true);
  function signal(good) {
    if (mute || !touched) { return; }
    try { nav.vibrate(good ? [60, 60, 140] : [220]); } catch (x) { }
    try { note(good ? 659 : 294, 0); if (good) { note(988, 0.13); } } catch (x) {  }
  }
  function note(pitch, delay) {
    var source = audio.createOscillator(), gain = audio.createGain(), at = audio.currentTime + delay;
    source.frequency.value = pitch;
    source.connect(gain);
    gain.connect(audio.destination);
    gain.gain.setValueAtTime(0.25, at);
    gain.gain.exponentialRampToValueAtTime(0.0001, at + 0.35);
    source.start(at);
    source.stop(at + 0.4);
  }
  function keep() { try { localStorage.setItem('mute', mute ? '1' : ''); } catch (x) { /* private */ } }
  function label() {
    var button = $('#sound');
    if (!button) { return; }
    button.hidden = false;
    button.textContent = button.getAttribute(mute ? 'data-off' : 'data-on');
  }

  function copy(button) {
    var code = $('#' + button.getAttribute('data-copy')), range = d.createRange(), chosen = w.getSelection();
    function done() { button.classList.add('done'); say(button.getAttribute('data-done')); }
    if (nav.clipboard && nav.clipboard.writeText) { nav.clipboard.writeText(code.textContent).then(done); return; }
    range.selectNodeContents(code);
    chosen.removeAllRanges();
    chosen.addRange(range);
    if (d.execCommand('copy')) { done(); }
  }

  d.addEventListener('submit', function (e) {
    if (!e.target.querySelector('[aria-disabled]')) { return; }
    e.preventDefault();
    e.stopImmediatePropagation();
  }, true);

  /* htmx did not load or did not parse: plain reloads. */
  w.addEventListener('load', function () {
    var every = +data('poll');
    if (every && !w.htmx) {
      setInterval(function () { if (!d.hidden && !typing()) { location.reload(); } }, Math.max(5, every * 2) * 1000);
    }
  });
  try { mute = !!localStorage.getItem('mute'); } catch (x) { /* private */ }
  if ($('[data-print]')) { $('[data-print]').hidden = false; }
  if (nav.onLine === false) { strip('offline'); }
  label();
  setInterval(tick, 500);
  arrive(true);
}());
