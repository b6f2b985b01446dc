// A form that is sent with what a security key answers: `data-key` says whether to make a credential
// ("create") or to use one ("get"), `data-options` names the element with the server's question.
(() => {
  const form = document.getElementById("key-form");
  const problem = form.querySelector("[data-key-problem]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.hidden = true;
    const asked = JSON.parse(document.getElementById(form.dataset.options).textContent);
    try {
      const answer = form.dataset.key === "create"
        ? await webauthnJSON.create(asked.creation_options)
        : await webauthnJSON.get(asked.request_options);
      form.elements.namedItem("credential").value = JSON.stringify(answer);
      form.submit();
    } catch {
      problem.hidden = false;
    }
  });
})();
