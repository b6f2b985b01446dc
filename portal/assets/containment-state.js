// The tables of the containment page, looked at again and again while somebody watches them.
const SECONDS = 2;
const choice = document.getElementById("containment-by-itself");
choice.hidden = false;

async function lookAgain() {
  if (!choice.querySelector("input").checked || document.hidden) {
    return;
  }
  const shown = document.getElementById("containment");
  if (shown.contains(document.activeElement)) {
    return; // somebody is in the tables with the keyboard
  }
  const answer = await fetch(location.href, { redirect: "error" });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("containment");
  if (fresh) {
    shown.replaceWith(fresh);
  }
}

setInterval(() => lookAgain().catch(() => undefined), SECONDS * 1000);
