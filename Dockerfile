# The same program as `npm start` runs, one role a container: the command picks the role (docker-compose.yml).

FROM node:20-bookworm-slim AS build
WORKDIR /weir
COPY package.json package-lock.json ./
# With optional packages: the compiler and the bundler bring their binaries by them.
RUN npm ci --include=dev --include=optional --no-audit --no-fund
COPY . .
RUN node scripts/run.mjs build

FROM node:20-bookworm-slim AS packages
WORKDIR /weir
COPY package.json package-lock.json ./
# Without the embedded ClickHouse, which is for one machine: here CLICKHOUSE_URL names a server.
RUN npm ci --omit=dev --omit=optional --no-audit --no-fund

FROM node:20-bookworm-slim
ENV NODE_ENV=production \
    NODE_OPTIONS=--enable-source-maps \
    WEIR_HOME=/var/lib/weir \
    WEIR_HOST=0.0.0.0
WORKDIR /weir
RUN install -d -o node -g node -m 700 /var/lib/weir
COPY --from=packages /weir/node_modules ./node_modules
COPY package.json ./
# Lua, SQL and the sample catalog are read from the source tree.
COPY engine ./engine
COPY analytics ./analytics
COPY --from=build /weir/dist ./dist
USER node
EXPOSE 8080 8081
# The flags: engine/platform/heap.ts.
ENTRYPOINT ["node", "--no-parallel-scavenge", "--initial-old-space-size=256"]
CMD ["dist/ingest/gateway/main.js"]
