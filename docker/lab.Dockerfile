# JupyterLab with the whole book, for training and changing; on a processor.
#
#   docker build -f docker/lab.Dockerfile -t colorbook-lab .
#   docker run --rm -p 8888:8888 -v "$PWD/photos:/photos:ro" colorbook-lab
#
# Open the address that it prints. Your photographs are then in /photos; what you write in the container goes with it.
FROM python:3.13-slim
RUN useradd --create-home --uid 1000 reader
COPY --chown=1000 . /book
WORKDIR /book
RUN pip install --no-cache-dir -e ".[dev]"
USER 1000
EXPOSE 8888
ENTRYPOINT ["jupyter", "lab", "--ip=0.0.0.0", "--no-browser"]
CMD ["--notebook-dir=nbs"]
