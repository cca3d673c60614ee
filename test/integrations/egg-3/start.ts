import egg from 'egg'
import type { AddressInfo } from 'node:net'

// What hongbao logs is read by the test.
console.error = console.log
const { folder } = JSON.parse(String(process.argv[2])) as { folder: string }
// Egg keeps its logs below HOME.
Object.assign(process.env, { EGG_SERVER_ENV: 'prod', EGG_HOME: folder })
const app = await egg.start({ baseDir: folder })
const server = app.listen(0, '127.0.0.1', () => {
  console.log(`listening on ${(server.address() as AddressInfo).port}`)
})
