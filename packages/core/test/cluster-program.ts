import cluster from 'node:cluster'
import { memoryInbox } from '../src/index.ts'

// The primary and its worker have a memory inbox each.
memoryInbox()
if (cluster.isPrimary) cluster.fork()
else process.disconnect()
