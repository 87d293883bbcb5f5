// Serves the git repositories below a folder over HTTP through git's own back end; prints its port: git-server.mjs FOLDER [PASSWORD]
import { spawn } from 'node:child_process'
import http from 'node:http'

const [root, password] = process.argv.slice(2)
const wanted = password && 'Basic ' + Buffer.from('x-access-token:' + password).toString('base64')
const server = http.createServer((request, response) => {
  if (request.url.startsWith('/elsewhere/')) return response.writeHead(302, { location: request.url.replace('/elsewhere', '') }).end()
  if (wanted && request.headers.authorization !== wanted) return response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end()
  const address = new URL(request.url, 'http://git')
  const backend = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_PROTOCOL: request.headers['git-protocol'] ?? '',
      PATH_INFO: decodeURIComponent(address.pathname),
      QUERY_STRING: address.search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      CONTENT_LENGTH: request.headers['content-length'] ?? ''
    }
  })
  request.pipe(backend.stdin)
  let head = Buffer.alloc(0)
  let isOpen = false
  backend.stdout.on('data', bytes => {
    if (isOpen) return response.write(bytes)
    head = Buffer.concat([head, bytes])
    const end = head.indexOf('\r\n\r\n')
    if (end < 0) return
    const fields = head.subarray(0, end).toString().split('\r\n').map(line => line.split(': '))
    response.writeHead(Number(fields.find(([name]) => name === 'Status')?.[1].split(' ')[0] ?? 200), Object.fromEntries(fields.filter(([name]) => name !== 'Status')))
    isOpen = true
    response.write(head.subarray(end + 4))
  })
  backend.on('close', () => response.end())
})
server.listen(0, '127.0.0.1', () => console.log(`port=${server.address().port}`))
