/* ES5: old phones run it even where htmx does not parse. The server owns the state; this counts down,
   speaks, and asks sooner. */
(function () {
  var d = document, w = window, nav = navigator;
  var left = null, lastAsked = Date.now(), sentAt = 0, failures = 0, hiddenPolls = 0, held = {};
  var startedAt, lastPhase, lastTone, spoken, touched, audio, lost, mute;

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
    live.lang = (card() && card().lang) || d.documentElement.lang; /* may have been changed elsewhere */
    live.textContent = '';
    setTimeout(function () { live.textContent = text; }, 60);
  }

  /* The page has another card, or its first. */
  function arrive(first) {
    var phase = data('phase'), tone = data('tone'), wait = $('[data-wait]'), wrong = $('.problem') || $('.wrong input');
    var another = phase && phase !== lastPhase, over = /^(paid|failed)/.test(phase) && tone !== lastTone;
    startedAt = now();
    sentAt = 0;
    left = data('left') === null ? null : +data('left');
    if (wait) { wait.until = now() + 1000 * wait.getAttribute('data-wait'); }
    if (another) { spoken = left; }
    restore();
    if (wrong) { wrong.focus(); }
    else if (!first) { settle(another, over); }
    lastPhase = phase;
    lastTone = tone;
    held = {};
    tick();
  }
  /* Another phase is announced. Only at the end sound, vibrate, and move there, unless somebody types. */
  function settle(another, over) {
    var title = $('#title') || card(), same = held.focus && counterpart();
    if (another) {
      say(data('live'));
      d.title = (data('tone') === 'ok' ? '\u2713 ' : '') + title.textContent + d.title.replace(/^.*?( \u2013 )/, '$1');
      if (over) { signal(data('tone') === 'ok'); }
    }
    if (over && !typing()) { title.focus(); }
    else if (held.focus && !typing()) { (same || title).focus(); }
  }

  /* A poll replaces the card: what was typed, unfolded and focused in it stays. */
  function hold(poll) {
    var c = card(), a = d.activeElement, input = $('#number'), details = c && c.querySelector('details');
    held = { focus: c && a && c.contains(a) && key(a) };
    if (poll) { held.typed = input && input.value; held.open = details && details.open; }
  }
  function key(element) { return element.tagName + element.textContent; }
  function counterpart() {
    return [].filter.call(card().querySelectorAll('a,button,summary'), function (e) { return key(e) === held.focus; })[0];
  }
  function restore() {
    var c = card(), input = $('#number'), details = c && c.querySelector('details');
    if (held.open && details) { details.open = true; }
    if (held.typed && input && !input.value) {
      input.value = held.typed;
      if (/^INPUT/.test(held.focus)) { input.focus(); }
    }
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
    [30, 10].forEach(function (at) {
      if (s <= at && spoken > at) { spoken = s; say(time.parentNode.textContent.replace(/(\d)(\D+)$/, '$1 $2')); }
    });
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
    if (!+data('poll') || now() - lastAsked < (w.htmx ? 900 : 5000)) { return; }
    lastAsked = now();
    hiddenPolls = 0;
    if (!w.htmx) { reload(); return; }
    if (sentAt && now() - sentAt > 3000) { w.htmx.trigger(card(), 'htmx:abort'); } /* it died while we were away */
    w.htmx.trigger(card(), 'poll');
  }
  function reload() { if (!d.hidden && !typing()) { location.reload(); } }
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
    if (!d.hidden) { hiddenPolls = 0; }
    else if (hiddenPolls++ % 3) { e.preventDefault(); return; } /* unseen: one in three */
    sentAt = now();
  });
  on('htmx:sendError htmx:responseError htmx:timeout htmx:error htmx:response:error', function (e) {
    if (e.detail && e.detail.errorInfo) { return; } /* htmx 2 says each of them twice, and aborts */
    failures += 1;
    if (nav.onLine === false) { strip('offline'); }
    else if (!isPoll(e)) { strip('lost'); }
    else if (failures > 1) { strip('slow'); }
  });
  on('htmx:afterOnLoad htmx:before:response', function (e) {
    var answer = context(e).xhr || context(e).response;
    if (answer && answer.status < 400 && !(lost && isPoll(e))) { failures = 0; strip(); }
  });
  on('htmx:afterRequest htmx:after:request', function (e) { if (isPoll(e)) { sentAt = 0; } });
  on('htmx:beforeSwap', function (e) {
    var answer = e.detail.xhr, poll = isPoll(e);
    /* A poll may not take away a half-typed number, except with a result; nor show anybody's error page. */
    if (poll && (answer.status > 399 || !/id="payment"/.test(answer.responseText) ||
        (typing() && /data-tone="wait"/.test(answer.responseText)))) { e.detail.shouldSwap = false; }
    hold(poll);
  });
  on('htmx:afterSwap htmx:after:swap', function () { arrive(false); });

  /* Sound and vibration need a tap first. */
  d.addEventListener('click', function (e) {
    var Audio = w.AudioContext || w.webkitAudioContext, button = e.target.closest && e.target.closest('button');
    touched = true;
    if ($('#sound')) { try { audio = audio || new Audio(); } catch (x) { /* silent */ } }
    if (button && button.id === 'sound') {
      mute = !mute;
      label();
      try { localStorage.setItem('mute', mute ? '1' : ''); } catch (x) { /* private */ }
    }
  }, true);
  function signal(good) {
    if (mute || !touched) { return; }
    try { nav.vibrate(good ? [60, 60, 140] : 220); } catch (x) { /* it cannot */ }
    try { note(good ? 659 : 294, 0); if (good) { note(988, 0.13); } } catch (x) { /* nor that */ }
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
  function label() {
    var button = $('#sound');
    if (!button) { return; }
    button.hidden = false;
    button.textContent = button.getAttribute(mute ? 'data-off' : 'data-on');
  }

  d.addEventListener('submit', function (e) {
    if (!e.target.querySelector('[aria-disabled]')) { return; }
    e.preventDefault();
    e.stopImmediatePropagation();
  }, true);

  /* htmx did not load or did not parse: plain reloads. */
  w.addEventListener('load', function () {
    var every = +data('poll');
    if (every && !w.htmx) { setInterval(reload, Math.max(5, every * 2) * 1000); }
  });
  try { mute = !!localStorage.getItem('mute'); } catch (x) { /* private */ }
  if (nav.onLine === false) { strip('offline'); }
  label();
  setInterval(tick, 500);
  arrive(true);
}());
