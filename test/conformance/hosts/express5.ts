import express from 'express'
import type { Host } from '../host.ts'
import { expressStart, expressMounts, EXPRESS_HINT } from './express.ts'

export const express5Host: Host = {
  name: 'express 5',
  start: expressStart(express),
  withoutHost: 200,
  hint: EXPRESS_HINT,
  mounts: expressMounts(express),
}
