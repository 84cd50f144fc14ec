// SPDX-License-Identifier: Apache-2.0
export { Outcome } from '../../modules/pogo/types.ts';
export { Fault } from '../../proto/gen/pogo.v1.ts';
