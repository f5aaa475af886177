// HS256 tokens, as an identity provider would make them.

import { createHmac } from 'node:crypto';

const encoded = (json) => Buffer.from(JSON.stringify(json)).toString('base64url');

/** A token for `subject` that is valid for so many seconds from now. */
export function token(secret, subject, seconds = 3600) {
  const expiry = Math.floor(Date.now() / 1000) + seconds;
  const signed = `${encoded({ alg: 'HS256', typ: 'JWT' })}.${encoded({ sub: subject, exp: expiry })}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}
