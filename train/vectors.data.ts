// SPDX-License-Identifier: Apache-2.0
// Made by test/vectors/train/generate.ts from the reference; never edited by hand.

export const EXPECTED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  smallest: {
    losses: '3b64f1d391ae2f11',
    codes: 'f7c6db6505d7876a',
    activations: 'e03028bb19dfdf76',
    evaluation: '97bbd4ec156d317a',
    state: 'c46e74e4c4706a24',
  },
  odd: {
    losses: '502856b4fd5c0649',
    codes: '3652b47e83a59d9c',
    activations: 'f865ab2b697fe30c',
    evaluation: '8fc79cecbe6a8101',
    state: '0f4d77c0285f3ed5',
  },
  primes: {
    losses: '4a0f729fea437d90',
    codes: 'cf31c2fcaec2bc90',
    activations: 'd0a8a5d4136d50c2',
    evaluation: 'b13668b82f8b8b9f',
    state: '67b5268b40f806a4',
  },
  sixteens: {
    losses: '74be10b3b0896481',
    codes: 'e0ae9c6487b57daf',
    activations: '2b42116fb4d3e218',
    evaluation: 'ef7566f4a00c3670',
    state: 'a094ed3e86c52f2d',
  },
  'long-row': {
    losses: 'bb3ffbe74160b58a',
    codes: 'f3a1c43fe27332ab',
    activations: '58d520fdf1c339a0',
    evaluation: 'c042fc9ca3a88ef7',
    state: '8b00bc6d07cdf6de',
  },
  'long-batch': {
    losses: '31e07cd044d87e9f',
    codes: '1b43a8dc086988bc',
    activations: '7140b146363c5d5e',
    evaluation: 'c20027d7880f147a',
    state: 'a376cd275fe32b7d',
  },
  wide: {
    losses: '7fca54b55e907fa2',
    codes: '9cda0c8191ae64e4',
    activations: '7c2fb26bf247c890',
    evaluation: 'b4b894af0774238a',
    state: '04da5ecbbc67ab3f',
  },
  demo: {
    losses: '54e857d6f50aea02',
    codes: 'f0944880528a0d16',
    activations: '139800db138c27a5',
    evaluation: '60607d999e54c6d8',
    state: 'bd45886b5e229d89',
  },
  zeros: {
    losses: '5a6bc1dceda6ecd4',
    codes: 'bc55489aa1a4e612',
    activations: '9d5937cfe0680173',
    evaluation: '7b22c41fe914982d',
    state: '989303a0a523056c',
  },
  largest: {
    losses: 'ac138649f720eda5',
    codes: '3b489013386dfe74',
    activations: '65f56d7baae13611',
    evaluation: '50f11eb8e873b836',
    state: '4557cd5b67f5b530',
  },
  adamw: {
    losses: '8efd17f96f1c8dcf',
    codes: '48a13382050b2a8c',
    activations: '451372fad30ef48f',
    evaluation: '6365a669e2786851',
    state: '7f6328a982c7b153',
  },
};
