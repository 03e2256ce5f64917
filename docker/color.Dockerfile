# Colors photographs and films, on a processor, and nothing else.
#
#   docker build -f docker/color.Dockerfile -t colorbook .
#   docker run --rm -u "$(id -u)" -v "$PWD:/pictures" colorbook colorize old.jpg -o color.png
#
# Films go the same way: colorbook video old.mp4 color.mp4. `-u` makes the new files yours.
FROM python:3.13-slim
COPY pyproject.toml README.md LICENSE /src/
COPY colorbook /src/colorbook
RUN pip install --no-cache-dir "/src[film]" && useradd --create-home --uid 1000 painter
USER 1000
WORKDIR /pictures
ENTRYPOINT ["colorbook"]
CMD ["--help"]
