// WebAuthn between JSON and the browser. Browsers that read the JSON themselves do so.
import { base64url, fromBase64url } from './keys.js';
import { hasName } from './place.js';

// Passkeys belong to a name.
export const hasPasskeys = () => 'PublicKeyCredential' in window && hasName();

const withBytes = (descriptor) => ({ ...descriptor, id: fromBase64url(descriptor.id) });

function creation(json) {
  if (PublicKeyCredential.parseCreationOptionsFromJSON) return PublicKeyCredential.parseCreationOptionsFromJSON(json);
  return {
    ...json,
    challenge: fromBase64url(json.challenge),
    user: { ...json.user, id: fromBase64url(json.user.id) },
    excludeCredentials: (json.excludeCredentials ?? []).map(withBytes),
  };
}

function assertion(json) {
  if (PublicKeyCredential.parseRequestOptionsFromJSON) return PublicKeyCredential.parseRequestOptionsFromJSON(json);
  return { ...json, challenge: fromBase64url(json.challenge), allowCredentials: (json.allowCredentials ?? []).map(withBytes) };
}

function toJson(credential) {
  if (credential.toJSON) return credential.toJSON();
  const response = {};
  for (const name of ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle']) {
    if (credential.response[name]) response[name] = base64url(credential.response[name]);
  }
  if (credential.response.getTransports) response.transports = credential.response.getTransports();
  return {
    id: credential.id,
    rawId: base64url(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    clientExtensionResults: credential.getClientExtensionResults(),
    response,
  };
}

/** Makes a passkey; null when the person changed their mind. */
export const createPasskey = (options) => quietly(() => navigator.credentials.create({ publicKey: creation(options.publicKey ?? options) }));

/** Uses a passkey; null when the person changed their mind. */
export const usePasskey = (options) => quietly(() => navigator.credentials.get({ publicKey: assertion(options.publicKey ?? options) }));

/**
 * Tells the browser which passkeys count, so that it offers no other (WebAuthn signal methods). A hint: a
 * browser that knows nothing of it, or does not want to, goes on as before.
 */
export async function signalAccepted({ rp_id: rpId, user_id: userId, credential_ids: allAcceptedCredentialIds }) {
  if (!hasPasskeys() || !PublicKeyCredential.signalAllAcceptedCredentials) return;
  await PublicKeyCredential.signalAllAcceptedCredentials({ rpId, userId, allAcceptedCredentialIds }).catch(() => {});
}

async function quietly(act) {
  try {
    const credential = await act();
    return credential && toJson(credential);
  } catch (error) {
    // Also what a closed dialogue and a time-out look like.
    if (error.name === 'NotAllowedError' || error.name === 'AbortError' || error.name === 'InvalidStateError') return null;
    throw error;
  }
}
