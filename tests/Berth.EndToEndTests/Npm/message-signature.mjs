// HTTP Message Signatures by somebody else's library:
//   message-signature.mjs verify ADDRESS PUBLIC-KEY      prints a port, and answers each request there with what it makes of its signature
//   message-signature.mjs sign ADDRESS SEED METHOD URL [BODY]   prints the headers of a signed request as JSON
// Keys are 32 bytes in hex.
import { createHash, createPrivateKey, createPublicKey, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { createSigner, createVerifier, httpbis } from 'http-message-signatures'

const [task, address, hex, ...rest] = process.argv.slice(2)
const fields = ['@method', '@authority', '@path', '@query']
const params = ['created', 'expires', 'nonce', 'keyid', 'alg']
const digest = body => `sha-256=:${createHash('sha256').update(body).digest('base64')}:`

if (task === 'verify') {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(hex, 'hex').toString('base64url') }
  const verify = createVerifier(createPublicKey({ format: 'jwk', key: jwk }), 'ed25519')
  const keyLookup = async ({ keyid }) => keyid === address ? { id: keyid, algs: ['ed25519'], verify } : null
  const holds = (message, required) =>
    httpbis.verifyMessage({ keyLookup, requiredFields: required, requiredParams: params, maxAge: 60, tolerance: 5 }, message)

  const server = createServer(async (request, answer) => {
    const parts = []
    for await (const part of request) parts.push(part)
    const body = Buffer.concat(parts)
    const message = { method: request.method, url: `http://${request.headers.host}${request.url}`, headers: request.headers }
    const required = body.length > 0 ? [...fields, 'content-digest'] : fields
    try {
      answer.end(JSON.stringify({
        holds: await holds(message, required),
        holdsWhenAltered: await holds({ ...message, url: message.url + 'x' }, required),
        digest: body.length === 0 || request.headers['content-digest'] === digest(body)
      }))
    } catch (fault) {
      answer.end(JSON.stringify({ fault: fault.message }))
    }
  })
  server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
} else {
  const [method, url, body] = rest
  // A private key of 32 bytes in the form Node takes (RFC 8410).
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(hex, 'hex')])
  const key = createSigner(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }), 'ed25519', address)
  const headers = body === undefined ? {} : { 'Content-Digest': digest(body) }
  const signed = await httpbis.signMessage({
    key,
    name: 'berth',
    fields: body === undefined ? fields : [...fields, 'content-digest'],
    params,
    paramValues: { nonce: randomUUID(), expires: new Date(Date.now() + 120_000) }
  }, { method, url, headers })
  console.log(JSON.stringify(signed.headers))
}
