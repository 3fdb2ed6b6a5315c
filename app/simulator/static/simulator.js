/* Keeps the phone, the buttons and the log fresh; the page works without it. */
(function () {
  "use strict";

  var SECOND = 1000;
  var fresh = 0;
  var shown = {};

  document.documentElement.className = "scripted";
  parts(document).forEach(function (part) {
    shown[part.id] = part.innerHTML;
  });
  tell();
  setInterval(refresh, SECOND);
  document.addEventListener("submit", submitted);
  document.getElementById("behaviour").addEventListener("change", behave);

  function parts(page) {
    return Array.prototype.slice.call(page.querySelectorAll("[data-live]"));
  }

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
    if (!page.getElementById("phone")) {
      return;
    }
    var typing = beingTyped(page);
    parts(page).forEach(function (part) {
      if (!(typing && part.id === "asking")) {
        swap(part);
      }
    });
    copy(page, "phone", "aria-label");
    press(page);
    renumber(page);
    tell();
  }

  /* A PIN under way stays, as long as the message it answers does. */
  function beingTyped(page) {
    var prompt = document.getElementById("prompt");
    var next = page.getElementById("prompt");
    if (!prompt || !next || asked(prompt) !== asked(next) || prompt.lang !== next.lang) {
      return false;
    }
    var pin = document.getElementById("pin");
    return pin.value !== "" || prompt.contains(document.activeElement);
  }

  function asked(prompt) {
    return prompt ? prompt.getAttribute("data-payment") : "";
  }

  /* Only news: an open menu, a scrolled list and a focused button outlive all else. */
  function swap(part) {
    if (part.innerHTML === shown[part.id]) {
      return;
    }
    var here = document.getElementById(part.id);
    var focused = here.contains(document.activeElement);
    here.innerHTML = shown[part.id] = part.innerHTML;
    if (focused) {
      document.getElementById("phone").focus();
    }
  }

  function copy(page, id, attribute) {
    var there = page.getElementById(id).getAttribute(attribute);
    document.getElementById(id).setAttribute(attribute, there);
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

  /* A new message is said aloud; beside the shop, the tab of the phone rings too. */
  function tell() {
    var prompt = document.getElementById("prompt");
    var news = document.getElementById("news");
    if (news.getAttribute("data-payment") !== asked(prompt)) {
      news.setAttribute("data-payment", asked(prompt));
      news.textContent = prompt ? "M-PESA message on the phone" : "";
      /* The message is on top of all else, as on a real phone. */
      document.querySelector("#menu details").open = false;
    }
    if (window.frameElement) {
      window.parent.document.documentElement.classList.toggle("rings", !!prompt);
    }
  }

  /* Without a reload nothing jumps: neither the page nor the focus. */
  function submitted(event) {
    var form = event.target;
    if (form.method !== "post") {
      return;
    }
    event.preventDefault();
    var body = new FormData(form);
    if (event.submitter && event.submitter.name) {
      body.append(event.submitter.name, event.submitter.value);
    }
    if (form.id === "prompt") {
      document.getElementById("pin").value = "";
    }
    send(form, body);
  }

  /* Only what was changed: another window may have changed the rest. */
  function behave(event) {
    var body = new FormData();
    body.append(event.target.name, event.target.value);
    send(event.currentTarget, body);
  }

  function send(form, body) {
    fetch(form.action, { method: "POST", body: body, keepalive: true, redirect: "manual" }).then(refresh, refresh);
  }
})();
