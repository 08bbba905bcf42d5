// Passkeys: a form with data-passkey ("create", "use" or "sign-in") gets its credential from the browser.
// data-options holds what the server asks for; "sign-in" fetches it from the form's address at the click.

const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const named = (list = []) => list.map((one) => ({ ...one, id: bytes(one.id) }));

async function create(options, passwordless) {
  const asked = structuredClone(options.publicKey);
  asked.challenge = bytes(asked.challenge);
  asked.user.id = bytes(asked.user.id);
  asked.excludeCredentials = named(asked.excludeCredentials);
  asked.authenticatorSelection = {
    ...asked.authenticatorSelection,
    residentKey: passwordless ? "required" : "discouraged",
    requireResidentKey: passwordless,
    ...(passwordless && { userVerification: "required" }),
  };
  const made = await navigator.credentials.create({ publicKey: asked });
  return {
    ...common(made),
    response: {
      clientDataJSON: text(made.response.clientDataJSON),
      attestationObject: text(made.response.attestationObject),
      transports: made.response.getTransports?.() ?? [],
    },
  };
}

async function use(options) {
  const asked = structuredClone(options.publicKey);
  asked.challenge = bytes(asked.challenge);
  asked.allowCredentials = named(asked.allowCredentials);
  const used = await navigator.credentials.get({ publicKey: asked });
  const { clientDataJSON, authenticatorData, signature, userHandle } = used.response;
  return {
    ...common(used),
    response: {
      clientDataJSON: text(clientDataJSON),
      authenticatorData: text(authenticatorData),
      signature: text(signature),
      userHandle: userHandle ? text(userHandle) : null,
    },
  };
}

const common = (credential) => ({
  id: credential.id,
  rawId: text(credential.rawId),
  type: credential.type,
  authenticatorAttachment: credential.authenticatorAttachment,
  clientExtensionResults: credential.getClientExtensionResults(),
});

async function options(form) {
  if (form.dataset.passkey !== "sign-in") return JSON.parse(form.dataset.options);
  const headers = { Accept: "application/json", "X-Requested-With": "XMLHttpRequest" };
  const answer = await fetch(form.action, { headers });
  if (!answer.ok) throw new Error("The server did not answer.");
  return (await answer.json()).request_options;
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const button = form.querySelector("button[data-passkey-go]");
  const wrong = form.querySelector("[data-passkey-wrong]");
  if (!window.PublicKeyCredential) {
    wrong.textContent = "This browser knows no passkeys, or the page is not served securely.";
    continue;
  }
  button.disabled = false;
  button.addEventListener("click", async () => {
    wrong.textContent = "";
    button.disabled = true;
    try {
      const asked = await options(form);
      const passwordless = form.querySelector("[name=passwordless]")?.checked ?? false;
      const got = form.dataset.passkey === "create" ? await create(asked, passwordless) : await use(asked);
      form.querySelector("[name=credential]").value = JSON.stringify(got);
      form.submit();
    } catch (error) {
      wrong.textContent =
        error.name === "InvalidStateError"
          ? "This device holds a passkey for your account already."
          : error.name === "SecurityError"
            ? "A passkey belongs to a name: open this site by its name, not by an address in numbers."
            : "That did not work, or it was cancelled. Try again, or choose another way.";
      button.disabled = false;
    }
  });
}
