// SPDX-License-Identifier: Apache-2.0
// config.toml of CometBFT 0.38: the keys that operators touch, in CometBFT's order and with its names. What is left
// out has CometBFT's own default (config/config.go).
import cometbft from './cometbft.json' with { type: 'json' };

export interface CometOptions {
  readonly moniker: string;
  readonly rpcLaddr?: string;
  readonly p2pLaddr?: string;
  /** host:port that peers are told. */
  readonly externalAddress?: string;
  readonly persistentPeers?: readonly string[];
  readonly seeds?: readonly string[];
  /** A network on one machine: private addresses, and several peers of one address. */
  readonly local?: boolean;
  /** The pause after a commit, which is nearly the whole block time; 1 s unless told. */
  readonly timeoutCommitMs?: number;
  readonly timeoutProposeMs?: number;
  /** "*" lets any page read the RPC. */
  readonly corsOrigins?: readonly string[];
  readonly logLevel?: string;
  readonly prometheusAddress?: string;
}

const text = (value: string): string => JSON.stringify(value);
const list = (values: readonly string[] = []): string => text(values.join(','));

/** The file's text for a new node. */
export function cometToml(options: CometOptions): string {
  return [base(options), rpc(options), p2p(options), mempool(), consensus(options), rest(options)].join('\n');
}

function base({ moniker, logLevel = 'info' }: CometOptions): string {
  return `# Configuration of CometBFT ${cometbft.version}; keys that are not here have its defaults.
# Relative paths start at the home folder.
version = ${text(cometbft.version)}

# Where the application listens; "pogod start" sets it by flag.
proxy_app = "tcp://127.0.0.1:26658"
# A name for people.
moniker = ${text(moniker)}
db_backend = "goleveldb"
db_dir = "data"
# debug, info, error or none; per module as "consensus:debug,*:error"
log_level = ${text(logLevel)}
log_format = "plain"
genesis_file = "config/genesis.json"
priv_validator_key_file = "config/priv_validator_key.json"
priv_validator_state_file = "data/priv_validator_state.json"
# Listens here for a remote signer instead of using the key file.
priv_validator_laddr = ""
node_key_file = "config/node_key.json"
# socket or grpc; "pogod start" sets it by flag.
abci = "socket"
# Ask the application about each peer.
filter_peers = false
`;
}

function rpc({ rpcLaddr = 'tcp://127.0.0.1:26657', corsOrigins = [] }: CometOptions): string {
  return `[rpc]
# Never public on a validator.
laddr = ${text(rpcLaddr)}
cors_allowed_origins = [${corsOrigins.map(text).join(', ')}]
unsafe = false
max_open_connections = 900
max_subscription_clients = 100
max_subscriptions_per_client = 20
timeout_broadcast_tx_commit = "10s"
# Room for a transaction of the largest size in base64.
max_body_bytes = 2000000
pprof_laddr = ""
`;
}

function p2p(options: CometOptions): string {
  const local = options.local === true;
  return `[p2p]
laddr = ${text(options.p2pLaddr ?? 'tcp://0.0.0.0:26656')}
# host:port that peers are told; empty to let them find out.
external_address = ${text(options.externalAddress ?? '')}
seeds = ${list(options.seeds)}
# id@host:port, separated by commas.
persistent_peers = ${list(options.persistentPeers)}
addr_book_file = "config/addrbook.json"
# false for private networks
addr_book_strict = ${!local}
max_num_inbound_peers = 40
max_num_outbound_peers = 10
unconditional_peer_ids = ""
# A restarted peer is found again soon on one machine, and with growing pauses elsewhere.
persistent_peers_max_dial_period = ${text(local ? '3s' : '0s')}
flush_throttle_timeout = ${text(local ? '10ms' : '100ms')}
pex = true
seed_mode = false
private_peer_ids = ""
allow_duplicate_ip = ${local}
`;
}

function mempool(): string {
  return `[mempool]
type = "flood"
recheck = true
recheck_timeout = "1s"
broadcast = true
size = 5000
max_txs_bytes = 268435456
cache_size = 10000
keep-invalid-txs-in-cache = false
max_tx_bytes = 1048576
`;
}

function consensus({ timeoutCommitMs = 1000, timeoutProposeMs = 3000 }: CometOptions): string {
  return `[consensus]
wal_file = "data/cs.wal/wal"
timeout_propose = "${timeoutProposeMs}ms"
timeout_propose_delta = "500ms"
timeout_prevote = "1s"
timeout_prevote_delta = "500ms"
timeout_precommit = "1s"
timeout_precommit_delta = "500ms"
# The pause after a commit: the block time is this and the time that consensus takes.
timeout_commit = "${timeoutCommitMs}ms"
# Above 0: look for own signatures in so many blocks at start, and refuse to sign beside a twin.
double_sign_check_height = 0
skip_timeout_commit = false
create_empty_blocks = true
create_empty_blocks_interval = "0s"
`;
}

function rest({ prometheusAddress }: CometOptions): string {
  return `[storage]
discard_abci_responses = false

[tx_index]
# kv or null
indexer = "kv"

[statesync]
enable = false
rpc_servers = ""
trust_height = 0
trust_hash = ""
trust_period = "168h0m0s"

[instrumentation]
prometheus = ${prometheusAddress !== undefined}
prometheus_listen_addr = ${text(prometheusAddress ?? '127.0.0.1:26660')}
namespace = "cometbft"
`;
}
