import express from 'express4'
import type { Host } from '../host.ts'
import { expressStart, expressMounts, EXPRESS_HINT } from './express.ts'

export const express4Host: Host = {
  name: 'express 4',
  start: expressStart(express),
  withoutHost: 200,
  hint: EXPRESS_HINT,
  mounts: expressMounts(express),
}
