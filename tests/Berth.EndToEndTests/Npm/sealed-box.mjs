// Sealed boxes by other people's HPKE (RFC 9180) and XChaCha20-Poly1305:
//   sealed-box.mjs key SEED                     prints the public encryption key of an ed25519 seed
//   sealed-box.mjs open SEED ADDRESS PURPOSE    reads a box as JSON from standard input, prints what is in it
//   sealed-box.mjs seal KEY ADDRESS PURPOSE     reads content from standard input, prints a box for the key
// Seeds and keys are 32 bytes in hex.
import { hkdfSync, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core'
import { Chacha20Poly1305 } from '@hpke/chacha20poly1305'
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'

const [task, hex, address, purpose] = process.argv.slice(2)
const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Chacha20Poly1305() })
const bytes = text => new Uint8Array(Buffer.from(text, 'utf8'))
const info = bytes(`berth sealed box 1\n${purpose}`)
const pairOf = seed => suite.kem.deriveKeyPair(hkdfSync('sha256', Buffer.from(seed, 'hex'), '', 'berth encryption key 1', 32))

if (task === 'key') {
  const { publicKey } = await pairOf(hex)
  console.log(Buffer.from(await suite.kem.serializePublicKey(publicKey)).toString('hex'))
} else if (task === 'open') {
  const box = JSON.parse(readFileSync(0, 'utf8'))
  const wrapped = box.keys.find(key => key.recipient === address)
  const key = await suite.open(
    { recipientKey: (await pairOf(hex)).privateKey, enc: Buffer.from(wrapped.encapsulated, 'base64'), info },
    Buffer.from(wrapped.wrapped, 'base64'))
  const content = Buffer.from(box.content, 'base64')
  process.stdout.write(xchacha20poly1305(new Uint8Array(key), new Uint8Array(content.subarray(0, 24)), bytes(purpose)).decrypt(new Uint8Array(content.subarray(24))))
} else {
  const key = new Uint8Array(randomBytes(32))
  const nonce = new Uint8Array(randomBytes(24))
  const content = xchacha20poly1305(key, nonce, bytes(purpose)).encrypt(new Uint8Array(readFileSync(0)))
  const { ct, enc } = await suite.seal({ recipientPublicKey: await suite.kem.deserializePublicKey(Buffer.from(hex, 'hex')), info }, key)
  const base64 = some => Buffer.from(some).toString('base64')
  console.log(JSON.stringify({
    content: base64(Buffer.concat([nonce, content])),
    keys: [{ recipient: address, encapsulated: base64(enc), wrapped: base64(ct) }]
  }))
}
