// SPDX-License-Identifier: Apache-2.0
// The two tables of the arithmetic, as data: Math.exp and Math.log are not the same on every engine. Base-36
// words; the unit test recomputes them in exact integers. Their hash is part of every kernel id.
import { toHex, u32be } from '../core/bytes.ts';
import { DOMAIN, domainHash } from './domains.ts';

const EXP = `
1ekg 1ds8 1d0g 1c93 1bi5 1arn 1a1j 19bu 18mj 17xn 1794 16kz 15x7 159t 14ms 1403 13dr 12rs 1265 11ku 10zv 10f8 zuw zaw yr6 y7s xoo x5w wnd w55
vn7 v5k uo6 u71 tq7 t9l st9 sd6 rxc rhr r2f qnb q8g ptt pfe p17 on8 o9h nvx nil n5h msj mft m3b lqz leu l2v kr4 kfj k44 jsw jhu j6z iw9 ilp
ibc i14 hr1 hh5 h7e gxs gob gf0 g5v fwu fny ff7 f6l ey4 eps ehk e9h e1j dtp dlz ded d6w czj csa cl5 ce4 c77 c0e btp bn3 bgl ba7 b3w axp arl
all afo a9u a44 9yh 9sx 9ng 9i2 9cr 97j 92e 8xc 8sc 8ng 8im 8dv 896 84l 801 7vl 7r6 7mu 7il 7ee 7a9 767 727 6y9 6ud 6qk 6ms 6j3 6fg 6bv 68c
64u 61f 5y2 5uq 5rh 5o9 5l3 5hz 5ew 5bv 58w 55z 533 509 4xg 4up 4s0 4pc 4mp 4k4 4hl 4f2 4cm 4a6 47s 45g 434 40u 3yl 3we 3u7 3s2 3py 3nv 3lu
3jt 3hu 3fw 3dz 3c3 3a8 38e 36l 34t 332 31c 2zn 2xz 2wc 2up 2t4 2rk 2q0 2oh 2mz 2li 2k2 2in 2h8 2fu 2eh 2d5 2bu 2aj 299 27z 26r 25j 24c 235
21z 20u 1zp 1yl 1xi 1wf 1vd 1ub 1ta 1sa 1ra 1qb 1pc 1oe 1ng 1mj 1lm 1kq 1ju 1iz 1i4 1ha 1gg 1fn 1eu 1e2 1da 1ci 1br 1b1 1aa 19l 18v 186 17i
16t 165 15i 14v 148 13l 12z 12e 11s 117 10m 102 zi yy ye xv xc wu wb vt vc uu ud tw tf sz sj s3 rn r8 qs qe pz pk p6 os oe o1 nn na mx mk m8
lv lj l7 kv kk k8 jx jm jb j0 ip if i5 hu hl hb h1 gs gi g9 g0 fr fi fa f1 et ek ec e4 dw dp dh d9 d2 cv co ch ca c3 bw bp bj bc b6 b0 au ao
ai ac a6 a0 9v 9p 9k 9f 99 94 8z 8u 8p 8k 8f 8b 86 82 7x 7t 7o 7k 7g 7c 78 74 70 6w 6s 6o 6k 6h 6d 6a 66 63 5z 5w 5t 5p 5m 5j 5g 5d 5a 57 54
51 4y 4w 4t 4q 4o 4l 4i 4g 4d 4b 49 46 44 42 3z 3x 3v 3t 3r 3p 3n 3l 3j 3h 3f 3d 3b 39 37 35 34 32 30 2z 2x 2v 2u 2s 2r 2p 2n 2m 2l 2j 2i 2g
2f 2e 2c 2b 2a 28 27 26 25 24 22 21 20 1z 1y 1x 1w 1v 1u 1t 1s 1r 1q 1p 1o 1n 1m 1l 1k 1j 1i 1i 1h 1g 1f 1e 1e 1d 1c 1b 1b 1a 19 18 18 17 16
16 15 14 14 13 13 12 11 11 10 10 z z y y x w w v v v u u t t s s r r r q q p p p o o n n n m m m l l l k k k j j j j i i i h h h h g g g g f
f f f e e e e e d d d d d c c c c c b b b b b b a a a a a a 9 9 9 9 9 9 9 8 8 8 8 8 8 8 8 7 7 7 7 7 7 7 7 7 6 6 6 6 6 6 6 6 6 6 6 5 5 5 5 5 5
5 5 5 5 5 5 5 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2
2 2 2 2 2 2 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1
1 1 1 1 1 1`;

const LOG = `
0 1s 3k 5c 74 8v an ce e6 fx hp jg l8 mz oq qh s8 tz vq xh z8 10y 12p 14g 166 17x 19n 1be 1d4 1eu 1gk 1ib 1k1 1lr 1nh 1p7 1qw 1sm 1uc 1w2 1xr
1zh 216 22w 24l 26b 280 29p 2be 2d3 2es 2gh 2i6 2jv 2lk 2n9 2ox 2qm 2sb 2tz 2vo 2xc 2z1 30p 32d 341 35p 37e 392 3aq 3ce 3e1 3fp 3hd 3j1 3ko
3mc 3o0 3pn 3ra 3sy 3ul 3w8 3xw 3zj 416 42t 44g 463 47q 49d 4b0 4cm 4e9 4fw 4hi 4j5 4kr 4me 4o0 4pm 4r9 4sv 4uh 4w3 4xp 4zb 50x 52j 545 55r
57d 58y 5ak 5c6 5dr 5fd 5gy 5ik 5k5 5lq 5nc 5ox 5qi 5s3 5to 5v9 5wu 5yf 600 61l 635 64q 66b 67v 69g 6b1 6cl 6e5 6fq 6ha 6iu 6kf 6lz 6nj 6p3
6qn 6s7 6tr 6vb 6wv 6yf 6zy 71i 732 74l 765 77o 798 7ar 7cb 7du 7fd 7gw 7ig 7jz 7li 7n1 7ok 7q3 7rm 7t5 7uo 7w6 7xp 7z8 80q 829 83r 85a 86s
88b 89t 8bc 8cu 8ec 8fu 8hc 8iu 8kc 8lv 8nc 8ou 8qc 8ru 8tc 8uu 8wb 8xt 8zb 90s 92a 93r 959 96q 987 99p 9b6 9cn 9e4 9fl 9h2 9ik 9k1 9lh 9my
9of 9pw 9rd 9su 9ua 9vr 9x8 9yo a05 a1l a32 a4i a5y a7f a8v aab abr ad8 aeo ag4 ahk aj0 akg alw anc aor aq7 arn at3 aui avy axe ayt b09 b1o
b33 b4j b5y b7d b8t ba8 bbn bd2 beh bfw bhb biq bk5 blk bmz boe bpt br7 bsm bu1 bvf bwu by9 bzn c12 c2g c3u c59 c6n c81 c9g cau cc8 cdm cf0
cge chs cj6 ckk cly cnc coq cq3 crh csv cu9 cvm cx0 cyd czr d14 d2i d3v d59 d6m d7z d9c daq dc3 ddg det dg6 dhj diw dk9 dlm dmz doc dpp dr1
dse dtr dv4 dwg dxt dz5 e0i e1u e37 e4j e5w e78 e8k e9x eb9 ecl edx ef9 egl ehy eja ekm elx en9 eol epx er9 esl etx ev8 ewk exw ez7 f0j f1u
f36 f4h f5t f74 f8f f9r fb2 fcd fdp ff0 fgb fhm fix fk8 flj fmu fo5 fpg fqr fs2 ftd fuo fvy fx9 fyk fzu g15 g2g g3q g51 g6b g7m g8w ga6 gbh
gcr ge1 gfc ggm ghw gj6 gkg glr gn1 gob gpl gqv gs5 gtf guo gvy gx8 gyi gzs h11 h2b h3l h4u h64 h7d h8n h9w hb6 hcf hdp hey hg7 hhh hiq hjz
hl9 hmi hnr hp0 hq9 hri hsr hu0 hv9 hwi hxr hz0 i09 i1h i2q i3z i58 i6g i7p i8y ia6 ibf icn idw if4 igd ihl iiu ik2 ila imj inr ioz iq7 irf
iso itw iv4 iwc ixk iys j00 j18 j2g j3o j4v j63 j7b j8j j9r jay jc6 jde jel jft jh0 ji8 jjf jkn jlu jn2 jo9 jpg jqo jrv jt2 jua jvh jwo jxv
jz2 k09 k1g k2o k3v k52 k68 k7f k8m k9t kb0 kc7 kde kek kfr kgy ki5 kjb kki klo kmv ko2 kp8 kqf krl ksr kty kv4 kwb kxh kyn kzt l10 l26 l3c
l4i l5o l6u l81 l97 lad lbj lcp ldv lf0 lg6 lhc lii ljo lku llz ln5 lob lph lqm lrs lsx lu3 lv8 lwe lxk lyp lzu m10 m25 m3b m4g m5l m6q m7w
m91 ma6 mbb mch mdm mer mfw mh1 mi6 mjb mkg mll mmq mnv mp0 mq4 mr9 mse mtj mun mvs mwx my2 mz6 n0b n1f n2k n3p n4t n5y n72 n86 n9b naf nbk
nco nds nex ng1 nh5 ni9 njd nki nlm nmq nnu noy nq2 nr6 nsa nte nui nvm nwq nxu nyy o01 o15 o29 o3d o4h o5k o6o o7s o8v o9z ob2 oc6 oda oed
ofh ogk ohn oir oju oky om1 on4 oo8 opb oqe orh osl oto our ovu owx oy0 oz3 p06 p19 p2c p3f p4i p5l p6o p7r p8u p9x pb0 pc2 pd5 pe8 pfb pgd
phg pij pjl pko plq pmt pnw poy pq1 pr3 ps5 pt8 pua pvd pwf pxh pyk pzm q0o q1q q2t q3v q4x q5z q71 q83 q96 qa8 qba qcc qde qeg qfi qgk qhm
qin qjp qkr qlt qmv qnx qoy qq0 qr2 qs3 qt5 qu7 qv8 qwa qxc qyd qzf r0g r1i r2j r3l r4m r5o r6p r7q r8s r9t rau rbw rcx rdy rez rg1 rh2 ri3
rj4 rk5 rl6 rm7 rn8 ro9 rpa rqb rrc rsd rte ruf rvg rwh rxi ryj rzj s0k s1l s2m s3m s4n s5o s6p s7p s8q s9q sar sbs scs sdt set sfu sgu shu
siv sjv skw slw smw snx sox spx sqy sry ssy sty suy svz swz sxz syz szz t0z t1z t2z t3z t4z t5z t6z t7z t8z t9z taz tby tcy tdy tey tfy tgx
thx tix tjw tkw tlw tmv tnv tov tpu tqu trt tst tts tus tvr twr txq typ tzp u0o u1n u2n u3m u4l u5l u6k u7j u8i u9h uah ubg ucf ude ued ufc
ugb uha ui9 uj8 uk7 ul6 um5 un4 uo3 up2 uq1 ur0 ury usx utw uuv uvu uws uxr uyq uzo v0n v1m v2k v3j v4i v5g v6f v7d v8c v9a va9 vb7 vc6 vd4
ve2 vf1 vfz vgy vhw viu vjt vkr vlp vmn vnm vok vpi vqg vre vsc vtb vu9 vv7 vw5 vx3 vy1 vyz vzx w0v w1t w2r w3p w4n w5l w6j w7g w8e w9c waa
wb8 wc5 wd3 we1 wez wfw wgu whs wip wjn wkl wli wmg wnd wob wp8 wq6 wr3 ws1 wsy wtw wut wvr wwo wxl wyj wzg x0d x1b x28 x35 x43 x50 x5x x6u
x7r x8p x9m xaj xbg xcd xda xe7 xf4 xg1 xgy xhv xis xjp xkm xlj xmg xnd xoa xp7 xq4 xr1 xrx xsu xtr xuo xvl xwh xxe xyb xz7 y04 y11 y1x y2u
y3r y4n y5k y6g y7d y89 y96 ya3 yaz ybv ycs ydo yel yfh yge yha yi6 yj3 yjz ykv yls ymo ynk yog ypd yq9 yr5 ys1 ysx ytt yuq yvm ywi yxe yya
yz6 z02 z0y z1u`;

function parse(text: string, entries: number): Uint32Array {
  const out = new Uint32Array(entries);
  text
    .trim()
    .split(/\s/)
    .forEach((word, i) => {
      out[i] = Number.parseInt(word, 36);
    });
  return out;
}

/** round(2^16 exp(-i / 64)), i = 0..1023: 65,536 first, 0 from 755 on. */
export const EXP_TABLE: Uint32Array = parse(EXP, 1024);

/** round(2^16 ln(1 + i / 1024)), i = 0..1024. */
export const LOG_TABLE: Uint32Array = parse(LOG, 1025);

/** round(2^24 ln 2). */
export const LN2: number = 11629080;

/** Hash of the tables, as hexadecimal: both tables' entries and LN2 as big-endian 32-bit integers. */
export function tablesHash(): string {
  const parts: Uint8Array[] = [];
  for (const value of EXP_TABLE) parts.push(u32be(value));
  for (const value of LOG_TABLE) parts.push(u32be(value));
  return toHex(domainHash(DOMAIN.tables, ...parts, u32be(LN2)));
}
