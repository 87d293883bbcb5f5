// A node that speaks as much of Kubo's /api/v0 as a content store asks for, over the reference libraries: ipfs-node.mjs HOST:PORT FOLDER
import { createServer } from 'node:http'
import { readFileSync, writeFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { FsBlockstore } from 'blockstore-fs'
import { exporter } from 'ipfs-unixfs-exporter'
import { importFile } from 'ipfs-unixfs-importer'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { balanced } from 'ipfs-unixfs-importer/layout'
import { CID } from 'multiformats/cid'

const [address, folder] = process.argv.slice(2)
const [host, port] = address.split(':')
const blocks = new FsBlockstore(join(folder, 'blocks'))
await blocks.open()

const pinFile = join(folder, 'pins.json')
const pins = new Map()
try {
  for (const [cid, name] of Object.entries(JSON.parse(readFileSync(pinFile, 'utf8')))) pins.set(cid, name)
} catch { /* None yet. */ }
const savePins = () => {
  writeFileSync(`${pinFile}.new`, JSON.stringify(Object.fromEntries(pins)))
  renameSync(`${pinFile}.new`, pinFile)
}

const bodyOf = async request => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  return new Response(Buffer.concat(chunks), { headers: { 'content-type': request.headers['content-type'] } })
}

const commands = {
  add: async (query, request) => {
    const file = [...(await (await bodyOf(request)).formData()).values()].find(part => typeof part !== 'string')
    const added = await importFile({ content: new Uint8Array(await file.arrayBuffer()) }, blocks, {
      cidVersion: Number(query.get('cid-version') ?? 0),
      rawLeaves: query.get('raw-leaves') === 'true',
      chunker: fixedSize({ chunkSize: Number((query.get('chunker') ?? 'size-262144').split('-')[1]) }),
      layout: balanced({ maxChildrenPerNode: 174 })
    })
    return { Name: file.name, Hash: added.cid.toString(), Size: String(added.size) }
  },
  'pin/add': async query => {
    const cid = query.get('arg')
    await exporter(cid, blocks)
    pins.set(cid, query.get('name') ?? '')
    savePins()
    return { Pins: [cid] }
  },
  'pin/rm': async query => {
    const cid = query.get('arg')
    if (!pins.delete(cid)) throw new Error('not pinned or pinned indirectly')
    savePins()
    return { Pins: [cid] }
  },
  'pin/ls': async query => {
    const wanted = query.get('arg')
    if (wanted && !pins.has(wanted)) throw new Error(`path '${wanted}' is not pinned`)
    const keys = [...pins].filter(([cid]) => !wanted || cid === wanted)
    return { Keys: Object.fromEntries(keys.map(([cid, name]) => [cid, { Type: 'recursive', Name: name }])) }
  },
  'files/stat': async query => {
    const entry = await exporter(query.get('arg').replace('/ipfs/', ''), blocks)
    return { Hash: entry.cid.toString(), Size: Number(entry.size), Type: 'file' }
  }
}

createServer(async (request, response) => {
  const url = new URL(request.url, 'http://node')
  const command = url.pathname.replace('/api/v0/', '')
  try {
    if (request.method !== 'POST') {
      response.writeHead(405).end()
    } else if (command === 'cat') {
      const entry = await exporter(CID.parse(url.searchParams.get('arg')).toString(), blocks)
      const offset = Number(url.searchParams.get('offset') ?? 0)
      if (offset < Number(entry.size)) {
        for await (const chunk of entry.content({ offset, length: Number(entry.size) - offset })) {
          if (!response.write(chunk)) await new Promise(resolve => response.once('drain', resolve))
        }
      }
      response.end()
    } else if (commands[command]) {
      const answer = await commands[command](url.searchParams, request)
      response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify(answer)}\n`)
    } else {
      response.writeHead(404).end()
    }
  } catch (fault) {
    if (response.headersSent) response.destroy()
    else response.writeHead(500, { 'content-type': 'application/json' }).end(JSON.stringify({ Message: fault.message, Code: 0, Type: 'error' }))
  }
}).listen(Number(port), host, () => console.log('ready'))
