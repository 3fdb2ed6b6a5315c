/* Keeps the phone, the buttons and the log fresh; the page works without it. */
(function () {
  "use strict";

  var SECOND = 1000;
  var fresh = 0;

  document.documentElement.className = "scripted";
  setInterval(refresh, SECOND);
  document.getElementById("behaviour").addEventListener("change", behave);

  function refresh() {
    var turn = ++fresh;
    if (document.hidden) {
      return;
    }
    fetch(location.href, { headers: { Accept: "text/html" } })
      .then(function (response) {
        return response.text();
      })
      .then(function (text) {
        /* An answer that was overtaken by a newer one would turn the clock back. */
        if (turn === fresh) {
          show(new DOMParser().parseFromString(text, "text/html"));
        }
      })
      .catch(function () {
        /* The simulator is being restarted: the next second may be better. */
      });
  }

  function show(page) {
    if (!beingTyped(page)) {
      swap("phone", page);
    }
    swap("log", page);
    press(page);
    renumber(page);
  }

  /* A PIN under way stays, as long as the message it answers does. */
  function beingTyped(page) {
    var prompt = document.getElementById("prompt");
    var next = page.getElementById("prompt");
    var pin = document.getElementById("pin");
    if (!prompt || !next || prompt.getAttribute("data-payment") !== next.getAttribute("data-payment")) {
      return false;
    }
    return pin.value !== "" || prompt.contains(document.activeElement);
  }

  function swap(id, page) {
    var here = document.getElementById(id);
    var there = page.getElementById(id);
    if (there && here.innerHTML !== there.innerHTML) {
      here.innerHTML = there.innerHTML;
      here.setAttribute("aria-label", there.getAttribute("aria-label") || "");
    }
  }

  function press(page) {
    var here = document.querySelectorAll("#outcomes button");
    var there = page.querySelectorAll("#outcomes button");
    for (var i = 0; i < here.length && i < there.length; i++) {
      here[i].setAttribute("aria-pressed", there[i].getAttribute("aria-pressed"));
    }
  }

  /* Without a chosen phone the page follows the newest message; a number being typed stays. */
  function renumber(page) {
    var here = document.getElementById("number");
    var there = page.getElementById("number");
    if (here.value === here.defaultValue) {
      here.defaultValue = there.defaultValue;
      here.value = there.defaultValue;
    }
  }

  function behave(event) {
    var form = event.currentTarget;
    fetch(form.action, { method: "POST", body: new FormData(form) }).then(refresh, refresh);
  }
})();
