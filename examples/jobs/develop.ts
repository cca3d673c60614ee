// Develop against the sandbox: a Ping++ on this machine sends to the app of receive.ts.
import { startSandbox } from '@hongbao/sandbox'

const { PORT = '3000' } = process.env
const target = `http://127.0.0.1:${PORT}/webhooks`
const sandbox = await startSandbox({ target })
process.env['PINGPP_PUBLIC_KEY'] = sandbox.publicKey // before the app reads it
await import('./receive.ts')

sandbox.faults.add('answer-lost') // so it comes again
const { id } = sandbox.trigger('red_envelope.sent')
await sandbox.clock.next()
const { attempts } = await sandbox.waitFor({ id, status: 'delivered' })
for (const { response, error } of attempts) console.log(String(response?.body), error ?? '')
