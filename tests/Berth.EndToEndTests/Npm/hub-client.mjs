// Reads a repository with the hub's own client and prints the digest of each file, one a line: hub-client.mjs HUB REPOSITORY REVISION [TOKEN]
import { createHash } from 'node:crypto'
import { downloadFile, listFiles } from '@huggingface/hub'

const [hubUrl, name, revision, accessToken] = process.argv.slice(2)
const repo = { type: 'model', name }
const lines = []
for await (const file of listFiles({ repo, revision, recursive: true, hubUrl, accessToken })) {
  if (file.type !== 'file') continue
  const blob = await downloadFile({ repo, revision, path: file.path, hubUrl, accessToken, xet: false })
  lines.push(`${createHash('sha256').update(Buffer.from(await blob.arrayBuffer())).digest('hex')}  ${file.path}`)
}
console.log(lines.sort().join('\n'))
