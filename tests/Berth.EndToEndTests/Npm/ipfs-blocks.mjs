// Makes UnixFS blocks of everything below a folder and puts each into a file named by its content id; prints the root's: ipfs-blocks.mjs CID-VERSION SHARD-BYTES FOLDER OUT
import { createReadStream } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { importer } from 'ipfs-unixfs-importer'

const [cidVersion, shardBytes, folder, out] = process.argv.slice(2)
async function * files (at) {
  for (const entry of await readdir(at, { withFileTypes: true })) {
    const path = join(at, entry.name)
    if (entry.isDirectory()) yield * files(path)
    else yield { path: join('root', relative(folder, path)), content: createReadStream(path) }
  }
}
const blocks = {
  put: async (cid, bytes) => {
    await writeFile(join(out, cid.toString()), bytes)
    return cid
  }
}
let last
for await (const added of importer(files(folder), blocks, { cidVersion: Number(cidVersion), rawLeaves: cidVersion === '1', shardSplitThresholdBytes: Number(shardBytes) })) last = added
console.log(last.cid.toString())
