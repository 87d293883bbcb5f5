// Prints the CIDv0 of each file, one a line, as `ipfs add` with these settings would: content-id.mjs CHUNK-SIZE LINKS-PER-NODE FILE...
import { createReadStream } from 'node:fs'
import { importFile } from 'ipfs-unixfs-importer'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { balanced } from 'ipfs-unixfs-importer/layout'

const [chunkSize, maxChildrenPerNode, ...files] = process.argv.slice(2)
const nowhere = { put: async cid => cid }
for (const file of files) {
  const added = await importFile({ content: createReadStream(file) }, nowhere, {
    cidVersion: 0,
    rawLeaves: false,
    chunker: fixedSize({ chunkSize: Number(chunkSize) }),
    layout: balanced({ maxChildrenPerNode: Number(maxChildrenPerNode) })
  })
  console.log(added.cid.toString())
}
