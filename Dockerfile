# The image of all our own programs: server, processor, generator, setup, and who submits the Flink job. docker-compose.yml
# says which one runs.
# Java 17, which Flink's image runs. The tag was not checked where this was written.
FROM maven:3.9-eclipse-temurin-17 AS job
WORKDIR /job
COPY processing/flink ./
RUN mvn -B -DwithoutTests -Dmaven.test.skip=true package

FROM node:20.20.2-bookworm-slim AS console
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY client ./client
COPY console ./console
RUN node node_modules/vite/bin/vite.js build console

# 20.20.2 is the last of Node 20 in Docker's list of official images, and the one that the tests run.
FROM node:20.20.2-bookworm-slim

ENV NODE_ENV=production
WORKDIR /app

# The lock file first: the layer of the packages is made anew only when it changes. No script of a package is needed.
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts && npm cache clean --force

# What this takes is listed in .dockerignore.
COPY . .

COPY --from=console /app/console/dist console/dist

# As stack/compose/flink.ts says.
COPY --from=job /job/job/target/tidemark-flink-job.jar flink/

# A new volume takes the owner of the folder it is mounted on.
RUN mkdir -p /var/lib/tidemark/run /var/lib/tidemark/processor && chown -R node:node /var/lib/tidemark

USER node
EXPOSE 4000
# For the server, which is what the image starts by itself; compose gives the other programs their own.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 CMD ["node", "stack/compose/ready.mjs"]
CMD ["node", "--import", "tsx", "src/main.ts"]
